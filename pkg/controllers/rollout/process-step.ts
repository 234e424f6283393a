import type { Share, ProcessFleet } from './fleet';
import { originalTotal, sum } from './fleet';

/** What the factors of one process are to be next. */
export interface ProcessStep {
  /** In the order of the fleet's. */
  readonly old: readonly number[];
  readonly next: number;
}

export interface Pace {
  /** How many there may be beyond the factors. */
  readonly surge: number;
  /** How many new ones may be made now. */
  readonly budget: number;
  /** Old ones that are not ready may go whatever comes. */
  readonly hasty: boolean;
}

/** Where a rollout stops: at its canary, or at its end. */
export interface Stage {
  /** How many of the new release there are then. */
  readonly next: number;
  /** And of those that give way, together. */
  readonly old: number;
  /** What is ready of all never falls below this. */
  readonly floor: number;
}

/** The end of a process's way; `canary` is how many of the new release stop it before. */
export function stageOf(fleet: ProcessFleet, canary: number | undefined): Stage {
  const total = originalTotal(fleet);
  const { goal } = fleet.next;
  if (canary === undefined) return { next: goal, old: 0, floor: Math.min(total, goal) };
  // A canary takes nothing away from what the new release had.
  const next = Math.max(Math.min(goal, canary), fleet.next.original);
  return { next, old: Math.max(0, total - next), floor: total };
}

/**
 * A step to the stage. New ones as many as there is room for, and an old one goes only for a new one that is healthy:
 * what is ready never falls below the floor by a step.
 */
export function forward(fleet: ProcessFleet, stage: Stage, pace: Pace): ProcessStep {
  const { old, next } = fleet;
  const healthy = Math.min(next.healthy, next.factor);
  const before = sum(old, ({ factor }) => factor);
  const needed = Math.max(0, stage.floor - healthy);
  const kept = pace.hasty ? Math.min(needed, sum(old, ready)) : needed;
  const after = Math.min(before, Math.max(stage.old, kept));
  const room = Math.max(originalTotal(fleet), next.goal) + pace.surge - after;
  const raised = Math.min(stage.next, room, next.factor + pace.budget);
  // Where fewer are wished than it had, it is lowered at once: what is not ready goes first, and the floor is no higher.
  const least = Math.min(next.factor, stage.next);
  return { old: lowered(old, before - after), next: Math.max(least, raised) };
}

/** Whether the stage is reached, the factors being these. */
export function isReached({ next: { healthy } }: ProcessFleet, stage: Stage, step: ProcessStep): boolean {
  const old = sum(step.old, (factor) => factor);
  return step.next === stage.next && healthy >= stage.next && old <= stage.old;
}

/**
 * A step back: all old ones at once, and a new one goes for each old one that is ready, or if it is not ready itself. When
 * it is forced, the first old one that is ready is enough for all new ones to go; without any they are better than none.
 * So does what there is of an old release beyond what it had, which was on its way out when this rollout began.
 */
export function back(fleet: ProcessFleet, forced = false): ProcessStep {
  const { old, next } = fleet;
  const there = sum(old, (share) => Math.min(ready(share), share.original));
  const missing = forced && there > 0 ? 0 : Math.max(0, originalTotal(fleet) - there);
  const after = Math.max(next.original, Math.min(next.factor, next.ready, missing));
  let lacking = Math.max(0, missing - Math.min(next.ready, after));
  const kept = old.map((share) => {
    const beyond = Math.min(lacking, Math.max(0, ready(share) - share.original));
    lacking -= beyond;
    return share.original + beyond;
  });
  return { old: kept, next: after };
}

function ready(share: Share): number {
  return Math.min(share.ready, share.factor);
}

/**
 * So many fewer: first of what is not ready, which the formation controller stops first, then of what was on its way out
 * before, then of the oldest release.
 */
function lowered(old: readonly Share[], by: number): number[] {
  const factors = old.map(({ factor }) => factor);
  const takeDownTo = (floorOf: (share: Share) => number) =>
    old.forEach((share, index) => {
      const factor = factors[index] ?? 0;
      const taken = Math.min(by, Math.max(0, factor - floorOf(share)));
      factors[index] = factor - taken;
      by -= taken;
    });
  takeDownTo(ready);
  takeDownTo(({ original }) => original);
  takeDownTo(() => 0);
  return factors;
}
