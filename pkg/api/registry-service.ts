import { InvalidError, NotFoundError, PreconditionError, UnavailableError, messageOf } from '../base/errors';
import { ExecutorState } from '../gen/gilliam/v1/executor';
import { type RegistryServiceService } from '../gen/gilliam/v1/registry_service';
import { announceToken } from '../registry/announce-token';
import { RegistryClient } from '../registry/client';
import type { Resolution } from '../registry/resolution';
import { resolutionMessage } from '../registry/resolution-message';
import { formatServiceName, parseServiceName } from '../registry/service-name';
import { checkLabel, parseParent, quote } from '../resource/names';
import { executors, formations, type Executor } from '../resource/objects';
import { suggestion } from '../resource/suggest';
import type { ApiContext } from './api-context';
import type { Tokens } from './authenticator';
import { by, type Handlers } from './call';
import { requireLivingFormation } from './objects';

// A node that does not answer within this is as good as none: the next one is asked.
const timeoutMs = 2_000;
const maxNodes = 3;

export function registryHandlers(context: ApiContext, tokens: Tokens): Handlers<RegistryServiceService> {
  const { caches, clock, events } = context;

  /** The executors whose nodes to ask, the most promising first. */
  function nodes(wanted: string): readonly Executor[] {
    const all = caches.of(executors).list();
    if (wanted === '') return anyNodes(all);
    checkLabel('executor name', wanted, 'executor');
    const found = all.find(({ metadata }) => metadata.name === wanted);
    if (!found) {
      const known = all.map(({ metadata }) => metadata.name);
      throw new NotFoundError(`executor ${quote(wanted)} does not exist: ${suggestion(wanted, known)}`);
    }
    if (found.status.registryAddress === '') {
      throw new PreconditionError(
        `executor ${wanted} has no node of the registry: it runs without networking`,
      );
    }
    return [found];
  }

  async function ask(executor: Executor, name: string, signal: AbortSignal): Promise<Resolution> {
    const url = `http://${executor.status.registryAddress}`;
    const client = new RegistryClient({ url, clock, timeoutMs, token: tokens.executor });
    try {
      return await client.resolve(name, signal);
    } finally {
      await client.close();
    }
  }

  return {
    async resolve(request, call) {
      const name = parseServiceName(request.name);
      if (!name) {
        const description = `name ${quote(request.name)} is not of the form service.formation.service, with an instance or a release before it if need be`;
        throw new InvalidError(description, [{ field: 'name', description }]);
      }
      const failures: string[] = [];
      for (const executor of nodes(request.executor)) {
        try {
          return resolutionMessage(await ask(executor, formatServiceName(name), call.signal));
        } catch (error) {
          // Whatever else a node says is the answer.
          if (!(error instanceof UnavailableError)) throw error;
          failures.push(`${executor.metadata.name}: ${messageOf(error)}`);
        }
      }
      throw new UnavailableError(
        `no node of the registry answers (${failures.join('; ')}): see gilliam executors`,
      );
    },

    async createAnnounceToken(request, call) {
      const name = parseParent(request.parent);
      const { metadata } = await requireLivingFormation(context, name, call.signal);
      events.record({
        formation: name,
        kind: formations.name,
        name,
        uid: metadata.uid,
        reason: 'AnnounceTokenCreated',
        message: `a token for announcing services in ${name} was given${by(call)}`,
      });
      return { token: announceToken(tokens.executor, name) };
    },
  };
}

function anyNodes(all: readonly Executor[]): readonly Executor[] {
  const withNode = all.filter(({ status }) => status.registryAddress !== '');
  // Lost ones may still answer, where only the control plane has lost sight of them.
  const ranked = withNode.toSorted((left, right) => rank(left) - rank(right)).slice(0, maxNodes);
  if (ranked.length > 0) return ranked;
  throw new PreconditionError(
    all.length === 0
      ? 'no executor has joined this stage: nobody can be asked'
      : 'no executor has a node of the registry: they run without networking',
  );
}

function rank({ status }: Executor): number {
  return status.state === ExecutorState.READY ? 0 : 1;
}
