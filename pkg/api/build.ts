import { InvalidError, PreconditionError } from '../base/errors';
import { outputPart } from '../builder/build-output';
import type { Builder } from '../builder/types';
import type { BuildRequest, BuildServiceService } from '../gen/gilliam/v1/build_service';
import { parseParent } from '../resource/names';
import { formatBytes } from '../resource/quantity';
import type { ApiContext } from './api-context';
import type { Handlers } from './call';
import { requireLivingFormation } from './objects';
import { publishBuilt } from './publish-built';
import { rememberBuilt } from './remember-built';
import { StreamLimit } from './stream-limit';
import { Upload } from './upload';

export function buildHandlers(context: ApiContext): Handlers<BuildServiceService> {
  const places = new StreamLimit(context.limits.maxBuilds, 'builds');
  return {
    async *build(requests, call) {
      const builder = requireBuilder(context);
      const iterator = requests[Symbol.asyncIterator]();
      const { parent, commit, planOnly, forApply, source, mayFallBack = false } = await readStart(iterator);
      const formation = parseParent(parent, { field: 'start.parent' });
      const place = places.take();
      try {
        if (!forApply) await requireLivingFormation(context, formation, call.signal);
        const { maxUploadBytes: maxBytes } = context.limits;
        const tooMuch = `the source tree is over the limit of ${formatBytes(maxBytes)}: commit less, or keep large files elsewhere`;
        const tar = new Upload(iterator, { chunkOf, maxBytes, tooMuch }, call.signal);
        const input = { formation, commit, tar, commandsElsewhere: forApply, mayFallBack };
        try {
          if (planOnly) yield { part: { $case: 'plan', value: await builder.plan(input, call.signal) } };
          else
            for await (const part of builder.build(input, call.signal)) {
              if (part.$case === 'result') {
                const { image } = part.value;
                for await (const line of publishBuilt(context, image, call.signal)) {
                  yield { part: outputPart(`${line}\n`) };
                }
                if (forApply && source !== '') {
                  await rememberBuilt(context, formation, { source, image }, call.signal);
                }
              }
              yield { part };
            }
        } catch (error) {
          // A builder that was given a broken tree says less than what broke it.
          throw tar.failure ?? error;
        }
      } finally {
        place.dispose();
      }
    },
  };
}

function chunkOf({ part }: BuildRequest): Uint8Array {
  if (part?.$case === 'chunk') return part.value;
  throw invalid('part', 'start comes once, then chunks of the tar archive');
}

function requireBuilder({ builder }: ApiContext): Builder {
  if (builder) return builder;
  throw new PreconditionError('this control plane builds no images: ask one that has a container engine');
}

async function readStart(requests: AsyncIterator<BuildRequest>) {
  const first = await requests.next();
  const part = first.done ? undefined : first.value.part;
  if (part?.$case !== 'start') throw invalid('part', 'the first message has to be start');
  const { commit } = part.value;
  if (!/^(?:[0-9a-f]{7,64})?$/.test(commit)) {
    throw invalid('start.commit', 'commit is not a git commit: use 7 to 64 hexadecimal digits, or nothing');
  }
  if (!/^(?:[0-9a-f]{64})?$/.test(part.value.source)) {
    throw invalid('start.source', 'source is not a SHA-256: use 64 hexadecimal digits, or nothing');
  }
  return part.value;
}

function invalid(field: string, description: string): InvalidError {
  return new InvalidError(description, [{ field, description }]);
}
