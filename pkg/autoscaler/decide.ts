import { ScalingTarget, type ScalingRule } from '../gen/gilliam/v1/formation';
import { type Capacity, type Load, needsOf } from './need';

/** How hesitantly factors are changed. */
export interface Pace {
  /** Instances go only if none of that time would have been too many. */
  readonly downWindowMs: number;
  /** No more than twice as many, or this many more, within `upEveryMs`. */
  readonly upStep: number;
  readonly upEveryMs: number;
  /** How far off the target may be: hundredths. */
  readonly tolerancePercent: number;
  /** What was measured for less time says nothing yet. */
  readonly minMeasuredMs: number;
}

export const defaultPace: Pace = {
  downWindowMs: 120_000,
  upStep: 4,
  upEveryMs: 15_000,
  tolerancePercent: 10,
  minMeasuredMs: 8_000,
};

/** All there is to know of a service when it is decided upon. */
export interface Observation {
  readonly rule: ScalingRule;
  /** Of the current release. */
  readonly factor: number;
  /** Absent where nothing is known: then nothing is changed. */
  readonly load?: Load;
  readonly capacity: Capacity;
  /** Requests that are held now. */
  readonly waiting: number;
  /** A rollout is under way: the factors are its own. */
  readonly rollout: boolean;
  readonly nowMs: number;
}

/** What is remembered of a service from one decision to the next. Begins empty. */
export interface Memory {
  /** How many instances were wanted, oldest first. */
  readonly wanted: readonly { readonly atMs: number; readonly instances: number }[];
  /** Since when it is looked at. */
  readonly sinceMs?: number;
  readonly raised?: { readonly atMs: number; readonly from: number };
}

export const noMemory: Memory = { wanted: [] };

export interface Decision {
  /** As it is to be; the same as it is for no change. */
  readonly factor: number;
  readonly why: string;
  readonly memory: Memory;
}

/**
 * The factor that a service is to have: up as soon as it is wanted, down only when it has not been wanted for a while.
 * Never outside of the rule.
 */
export function decide(seen: Observation, memory: Memory, pace: Pace = defaultPace): Decision {
  const { rule, factor, waiting, nowMs } = seen;
  const stay = (why: string, next = memory): Decision => ({ factor, why, memory: next });
  if (rule.min > rule.max || rule.max === 0) {
    return stay(`the rule cannot be kept: min is ${rule.min} and max is ${rule.max}`);
  }
  if (seen.rollout) return stay('a rollout is under way', noMemory);
  if (factor === 0 && rule.min > 0) return stay('scaled to none by hand', noMemory);
  if (factor < rule.min) return { factor: rule.min, why: `min is ${rule.min}`, memory };
  if (factor > rule.max) return { factor: rule.max, why: `max is ${rule.max}`, memory };
  if (factor === 0) {
    if (waiting === 0) return stay('nothing is asked of it', noMemory);
    const memory = { wanted: [{ atMs: nowMs, instances: 1 }], sinceMs: nowMs };
    return { factor: 1, why: `${waiting} ${waiting === 1 ? 'request is' : 'requests are'} held`, memory };
  }
  const wish = wishOf(seen, pace);
  // Of the time without measurements nobody knows how many would have been too few.
  if (!wish) return stay('it is not measured yet', noMemory);
  const next = remember(memory, wish.instances, nowMs, pace);
  return wish.instances > factor ? up(seen, wish, next, pace) : down(seen, wish, next, pace);
}

interface Wish {
  readonly instances: number;
  readonly why: string;
}

/** What would be right now, without looking back. Undefined where nothing is known. */
function wishOf({ rule, factor, load, capacity, waiting }: Observation, pace: Pace): Wish | undefined {
  if (!load || load.measuredMs < pace.minMeasuredMs) return undefined;
  // A connection that is open and idle is in use: whoever holds it counts on it.
  if (rule.min === 0 && load.requests + load.connections + waiting === 0) {
    return { instances: 0, why: 'nothing is asked of it' };
  }
  const needs = needsOf(rule.target ?? ScalingTarget.fromPartial({}), load, capacity);
  if (needs.length === 0) {
    // With a target of which nothing is known nothing can be said; with none at all one instance will do.
    const { target } = rule;
    const asked = target && Object.values(target).some((value: number) => value > 0);
    return asked ? undefined : { instances: Math.max(rule.min, 1), why: 'there is no target' };
  }
  const most = needs.reduce((left, right) => (right.instances > left.instances ? right : left));
  const near = Math.abs(most.instances / factor - 1) <= pace.tolerancePercent / 100;
  const instances = near ? factor : Math.ceil(most.instances - 1e-9);
  return { instances: Math.min(rule.max, Math.max(rule.min, 1, instances)), why: most.why };
}

function up({ factor, nowMs }: Observation, wish: Wish, memory: Memory, pace: Pace): Decision {
  const { raised } = memory;
  const from = raised && nowMs - raised.atMs < pace.upEveryMs ? raised : { atMs: nowMs, from: factor };
  const bound = Math.max(from.from * 2, from.from + pace.upStep);
  const next = Math.max(factor, Math.min(wish.instances, bound));
  return { factor: next, why: wish.why, memory: next > factor ? { ...memory, raised: from } : memory };
}

function down({ factor, nowMs }: Observation, wish: Wish, memory: Memory, pace: Pace): Decision {
  if (wish.instances === factor) return { factor, why: wish.why, memory };
  const most = Math.max(...memory.wanted.map(({ instances }) => instances));
  const known = nowMs - (memory.sinceMs ?? nowMs) >= pace.downWindowMs;
  if (!known || most >= factor) {
    return { factor, why: `fewer than ${factor} have not been enough for long`, memory };
  }
  return { factor: most, why: wish.why, memory };
}

function remember(memory: Memory, instances: number, nowMs: number, { downWindowMs }: Pace): Memory {
  const kept = memory.wanted.filter(({ atMs }) => nowMs - atMs < downWindowMs);
  return { ...memory, wanted: [...kept, { atMs: nowMs, instances }], sinceMs: memory.sinceMs ?? nowMs };
}
