import { deadline } from '../base/clock';
import { messageOf } from '../base/errors';
import { ExecutorState } from '../gen/gilliam/v1/executor';
import type { ComponentStatus, StageServiceService } from '../gen/gilliam/v1/stage_service';
import { parseName } from '../resource/names';
import { executors, formations } from '../resource/objects';
import { dataVersion } from '../store/data-version';
import type { ApiContext } from './api-context';
import type { CallContext, Handlers } from './call';

// What does not answer within this is not healthy; the caller's own deadline may be longer.
const probeMs = 2_000;

export function stageHandlers(context: ApiContext): Handlers<StageServiceService> {
  const { store, builder, caches, clock } = context;

  /** Never throws: that a part does not answer is the answer. */
  async function probe(
    name: string,
    call: CallContext,
    look: (signal: AbortSignal) => Promise<{ healthy: boolean; message: string }>,
  ): Promise<ComponentStatus> {
    const limit = deadline(clock, probeMs, call.signal);
    try {
      return { name, ...(await look(limit.signal)) };
    } catch (error) {
      return { name, healthy: false, message: messageOf(error) };
    } finally {
      limit.dispose();
    }
  }

  return {
    async getStage(request, call) {
      const named = request.executor === '' ? undefined : parseName(executors, request.executor);
      let leader = '';
      const components = await Promise.all([
        probe('etcd', call, async (signal) => {
          await store.list(formations, { limit: 1 }, signal);
          return { healthy: true, message: '' };
        }),
        probe('controllers', call, async (signal) => {
          leader = (await store.leader('controllers', signal)) ?? '';
          return { healthy: leader !== '', message: leader === '' ? 'no control plane leads' : '' };
        }),
        probe('builder', call, async (signal) => {
          const problem = builder ? await builder.health(signal) : 'this control plane builds no images';
          return { healthy: problem === undefined, message: problem ?? '' };
        }),
        probe('executors', call, async () => {
          const all = caches.of(executors).list();
          const ready = all.filter(({ status }) => status.state === ExecutorState.READY).length;
          return { healthy: ready > 0, message: `${ready} of ${all.length} ready` };
        }),
      ]);
      const executor = named && caches.of(executors).get(named);
      return { stage: context.stage, version: context.version, dataVersion, leader, components, executor };
    },
  };
}
