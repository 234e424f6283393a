import { messageOf } from '../../base/errors';
import { InstanceState } from '../../gen/gilliam/v1/instance';
import { ExplainInstanceRequest } from '../../gen/gilliam/v1/instance_service';
import { executors, instances } from '../../resource/objects';
import type { World } from './world';

const answerWithinMs = 5_000;

/** Invariant 11: `gilliam why` says of whatever is pending what stands against each executor, clause by clause. */
export async function askWhy(world: World): Promise<void> {
  const pending = world.history
    .list(instances)
    .filter(({ status }) => status.state === InstanceState.PENDING);
  const answers = pending.map(({ metadata }) => ask(world, metadata.formation, metadata.name));
  await world.advanceTo(world.time.monotonic() + answerWithinMs);
  // Nothing goes wrong any more: each has been answered by now.
  const late = new Promise<string>((resolve) => setImmediate(() => resolve('nobody answers')));
  for (const answer of answers) {
    const fault = await Promise.race([answer, late]);
    if (fault) world.checks.violate(11, fault);
  }
}

/** What the answer lacks; undefined when it is a good one. */
async function ask(world: World, formation: string, name: string): Promise<string | undefined> {
  const what = `why ${formation}/${name}`;
  try {
    const request = ExplainInstanceRequest.fromPartial({ name: `formations/${formation}/instances/${name}` });
    const { verdicts = [] } = await world.user.call(({ instances: api }, call) =>
      api.explainInstance(request, call),
    );
    const silent = world.history.list(executors).find(({ metadata }) => {
      const own = verdicts.find(({ executor }) => executor === metadata.name);
      return !own?.accepted && !own?.clauses?.some(({ passed, detail }) => !passed && detail);
    });
    return silent && `${what} says nothing of ${silent.metadata.name}`;
  } catch (error) {
    return `${what}: ${messageOf(error)}`;
  }
}
