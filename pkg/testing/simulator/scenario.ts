import { SeededRandom } from '../../base/random';
import type { Act } from './act';
import { cronActs } from './cron-acts';
import { faultActs } from './fault-acts';
import { seedOf } from './seed';
import { userActs } from './user-acts';
import { volumeActs } from './volume-acts';

/** One thing that is done to the stage. What it is about follows from its own seed, so that others can be left out. */
export interface Action {
  readonly atMs: number;
  readonly act: string;
  readonly seed: number;
}

export const acts: readonly Act[] = [...userActs, ...cronActs, ...volumeActs, ...faultActs];

/** Where every story begins. */
export const opening: readonly Action[] = ['create', 'sound release', 'fill'].map((act, index) => ({
  ...{ atMs: 3_000 + index * 1_500, act },
  seed: index,
}));

/** A story that is told by hand: the opening, and then, from 12 s on, each act at its second. */
export function story(acts: Readonly<Record<number, string>>): readonly Action[] {
  const told = Object.entries(acts).map(([second, act], seed) => ({
    ...{ atMs: Number(second) * 1_000, act, seed },
  }));
  return [...opening, ...told];
}

/** What happens in the life of a stage with this seed. */
export function scenarioOf(seed: number, length: number): readonly Action[] {
  const random = new SeededRandom(seedOf(seed, 'scenario'));
  const total = acts.reduce((sum, { weight }) => sum + weight, 0);
  const actions: Action[] = [...opening];
  let atMs = 12_000;
  for (let index = 0; index < length; index++) {
    // Mostly a few seconds apart, now and then at the same moment.
    atMs += random.next() < 0.15 ? 5 : random.next() ** 2 * 9_000;
    let left = random.next() * total;
    const act = acts.find(({ weight }) => (left -= weight) < 0);
    actions.push({ atMs, act: act?.name ?? 'compact', seed: Math.floor(random.next() * 2 ** 32) });
  }
  return actions;
}
