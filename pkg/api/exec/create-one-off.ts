import { ExhaustedError } from '../../base/errors';
import { isAuxiliary } from '../../resource/auxiliary';
import { isFinished } from '../../resource/instance';
import { parseParent, quote } from '../../resource/names';
import { formations, instances, type Instance } from '../../resource/objects';
import { newOneOff, nextPlace } from '../../resource/one-off';
import type { ApiContext } from '../api-context';
import type { CallContext } from '../call';
import { requireLivingFormation } from '../objects';
import { retryConflicts } from '../retry';
import { requireRunnable, type OneOffRequest } from './one-off-request';

/** Living one-offs of a formation: a script that forgets to end them is not to fill the stage. */
const maxOneOffs = 200;
/** What an instance is called that is of no process. */
const NO_PROCESS = 'run';

export interface OneOffKind {
  readonly parent: string;
  /** Somebody is attached to it, and what they run it like does not serve. */
  readonly attached: boolean;
  readonly tty: boolean;
  readonly validateOnly: boolean;
}

/** Makes an instance that runs once. Throws what is wrong with the request, or stands in its way. */
export function createOneOff(
  context: ApiContext,
  kind: OneOffKind,
  request: OneOffRequest,
  call: CallContext,
): Promise<Instance> {
  const { store, caches, clock, random } = context;
  const formationName = parseParent(kind.parent);
  return retryConflicts(
    context,
    async () => {
      const formation = await requireLivingFormation(context, formationName, call.signal);
      const release = await requireRunnable(context, formation, request, call.signal);
      const known = caches.of(instances).list(formationName);
      checkCount(formationName, known);
      // A command that somebody runs beside a service is no instance of it. Nor may it hold what an auxiliary service
      // needs, whose ordinals are given.
      const beside = kind.attached || request.process === '' || isAuxiliary(request.process);
      const process = beside ? NO_PROCESS : request.process;
      const { command, env, ports, executor } = request;
      const object = newOneOff(
        {
          formation: formationName,
          uid: random.uuid(),
          release: release.metadata.name,
          process,
          ...nextPlace(known, process),
          now: new Date(clock.now()),
        },
        {
          ...{ command: [...command], env: { ...env }, ports: [...ports], executor },
          ...{ tty: kind.tty, attached: kind.attached },
          like: process === request.process ? '' : request.process,
        },
      );
      if (kind.validateOnly) return object;
      const revision = await store.commit(
        [{ op: 'create', kind: instances, object }],
        // That it is not deleted meanwhile: the instance would outlive it.
        [
          {
            guard: 'object',
            kind: formations,
            key: { formation: '', name: formationName },
            revision: formation.metadata.revision,
          },
        ],
        call.signal,
      );
      return { ...object, metadata: { ...object.metadata, revision } };
    },
    call.signal,
  );
}

function checkCount(formation: string, known: readonly Instance[]): void {
  const living = known.filter(({ spec, status }) => spec.oneOff && !isFinished(status.state)).length;
  if (living < maxOneOffs) return;
  throw new ExhaustedError(
    `${quote(formation)} runs ${living} commands already, and no more may be: gilliam stop ends those of gilliam ps that nobody needs`,
  );
}
