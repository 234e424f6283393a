import type { SeededRandom } from '../../base/random';
import { formations } from '../../resource/objects';
import type { World } from './world';

/** Something that can be done to a stage. */
export interface Act {
  readonly name: string;
  /** How often it is chosen, beside the others. */
  readonly weight: number;
  /** Does it, and sees to it that it ends. What is tried in vain throws what a user would be told. */
  perform(world: World, random: SeededRandom): void | Promise<void>;
}

export function below(random: SeededRandom, count: number): number {
  return Math.floor(random.next() * count);
}

export const formationNames = ['shop', 'blog'] as const;

/** One that is there, or that was never made. */
export function formationOf(world: World, random: SeededRandom): string {
  const known = world.history.list(formations).map(({ metadata }) => metadata.name);
  return known.length > 0 ? oneOf(random, known) : formationNames[0];
}

/** One of several; there has to be one. */
export function oneOf<T>(random: SeededRandom, things: readonly T[]): T {
  return things[below(random, things.length)] as T;
}

export function between(random: SeededRandom, fromMs: number, toMs: number): number {
  return fromMs + random.next() * (toMs - fromMs);
}
