import { messageOf } from '../../base/errors';
import { SeededRandom } from '../../base/random';
import type { Violation } from './checks';
import { heal } from './fault-acts';
import type { Action } from './scenario';
import { acts, opening } from './scenario';
import { unmet } from './settled';
import { askWhy } from './why';
import { World, type WorldOptions } from './world';

export interface RunOptions extends WorldOptions {
  /** How long the stage may take to be as it should, once nothing goes wrong any more. Default 15 minutes. */
  readonly settleWithinMs?: number;
}

export interface Outcome {
  readonly violation: Violation | undefined;
  /** Of all that happened: the same for the same seed and actions. */
  readonly hash: string;
  readonly lines: readonly string[];
  /** How long the story was, in virtual time. */
  readonly endedMs: number;
}

/** After the last action, for what it has begun to show. */
const epilogueMs = 15_000;
/**
 * How long a stage may take to be as it should, once nothing goes wrong any more. Mostly seconds; but a rollback to what
 * cannot be placed any more is taken back after its ten minutes only.
 */
const settleWithinMs = 900_000;
const lookEveryMs = 2_000;
const looksInARow = 4;

/** Lives one story to its end, or to the first thing that must never be. */
export async function run(
  seed: number,
  actions: readonly Action[],
  options: RunOptions = {},
): Promise<Outcome> {
  const world = new World(seed, { replicas: 2, machines: 4 }, options);
  try {
    world.start();
    for (const action of actions) {
      await world.advanceTo(action.atMs);
      if (world.checks.violation) break;
      perform(world, action);
    }
    if (!world.checks.violation) await world.advanceTo(world.time.monotonic() + epilogueMs);
    if (!world.checks.violation) await settle(world, options.settleWithinMs ?? settleWithinMs);
    if (!world.checks.violation) await askWhy(world);
    const { trace, checks, time } = world;
    return { violation: checks.violation, hash: trace.hash, lines: trace.lines, endedMs: time.monotonic() };
  } finally {
    world.end();
  }
}

/** What goes wrong is told; in the opening, before there are faults, nothing may. */
function perform(world: World, action: Action): void {
  const { act, seed } = action;
  const found = acts.find(({ name }) => name === act);
  if (!found) throw new Error(`no act is called ${act}`);
  const fail = (error: unknown) => {
    world.trace.add(`< ${act}: ${messageOf(error)}`);
    if (opening.includes(action)) world.checks.violate(5, `the story could not begin: ${messageOf(error)}`);
  };
  void Promise.resolve(found.perform(world, new SeededRandom(seed))).then(
    () => world.trace.add(`< ${act} done`),
    fail,
  );
}

/** All faults end: then everything has to become as it should within a bounded time, and stay so. */
async function settle(world: World, withinMs: number): Promise<void> {
  world.healed = true;
  heal(world);
  world.trace.add('all faults end');
  const endMs = world.time.monotonic() + withinMs;
  for (let calm = 0; calm < looksInARow;) {
    await world.advanceTo(world.time.monotonic() + lookEveryMs);
    if (world.checks.violation) return;
    const [first] = unmet(world);
    calm = first ? 0 : calm + 1;
    if (first && world.time.monotonic() > endMs) return world.checks.violate(first.invariant, first.what);
  }
}
