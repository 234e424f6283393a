import { InstanceState } from '../gen/gilliam/v1/instance';
import { isWanted } from '../resource/instance';
import type { Instance } from '../resource/objects';
import { Candidates } from './candidates';
import type { Demand } from './demand';
import { compareText, Fleet } from './fleet';
import { Memos } from './memo';
import { releaseGone, summarize } from './summary';
import type { Placement, Schedule, SchedulePlan, Unplaced } from './types';
import { readsLoad } from './variables';

/** From so many instances of a demand on, what is known of the executors is kept: 10 bytes an executor. */
const KEEP_FROM = 4;
/** At most so many demands keep something, to bound the memory of a plan. */
const MAX_KEPT = 512;

/**
 * Places all pending instances, the oldest first, each on the executor that accepts it with the highest rank at that
 * moment. What finds no place is tried again after the others, for a requirement may ask for company
 * (`nsame > 0`); the plan is done when nothing more can be placed, so that what it says of the rest is so.
 */
export const schedule: Schedule = (snapshot) => new Planner(new Fleet(snapshot)).plan();

/** The instances of one demand. */
interface Group {
  readonly demand: Demand;
  readonly candidates: Candidates;
  /** Instances that are still to be placed. */
  waiting: number;
  keeps: boolean;
  /** How much was placed when all executors refused; undefined while one may accept. Infinity: they always will. */
  refusedAt: number | undefined;
}

interface Waiting {
  readonly instance: Instance;
  readonly group: Group;
}

class Planner {
  readonly #placements: Placement[] = [];
  readonly #unplaced: Unplaced[] = [];
  readonly #groups = new Map<string, Group>();
  readonly #memos: Memos;
  #kept = 0;

  constructor(readonly fleet: Fleet) {
    this.#memos = new Memos(fleet);
  }

  plan(): SchedulePlan {
    let waiting = this.#pending();
    for (let before = -1; before !== this.#placements.length && waiting.length > 0;) {
      before = this.#placements.length;
      waiting = waiting.filter((item) => !this.#place(item));
    }
    const messages = new Map<Group, string>();
    for (const { instance, group } of waiting) {
      const message = messages.get(group) ?? summarize(this.fleet, group.demand, this.#memos);
      messages.set(group, message);
      this.#unplaced.push({ instance, message });
    }
    return { placements: this.#placements, unplaced: this.#unplaced };
  }

  #pending(): readonly Waiting[] {
    const found: Waiting[] = [];
    for (const instance of oldestFirst(this.fleet.snapshot.instances.filter(isToBePlaced))) {
      const demand = this.fleet.demandOf(instance);
      if (demand) found.push({ instance, group: this.#join(demand) });
      else this.#unplaced.push({ instance, message: releaseGone(instance) });
    }
    return found;
  }

  #join(demand: Demand): Group {
    let group = this.#groups.get(demand.key);
    if (!group) {
      const candidates = new Candidates(this.fleet, demand, this.#memos);
      group = { demand, candidates, waiting: 0, keeps: false, refusedAt: undefined };
      this.#groups.set(demand.key, group);
    }
    group.waiting++;
    return group;
  }

  #place({ instance, group }: Waiting): boolean {
    // Nothing was placed since it was refused: it would be refused again.
    if (group.refusedAt !== undefined && group.refusedAt >= this.fleet.placed.length) return false;
    const index = this.#best(group);
    if (index === undefined) {
      group.refusedAt = mayComeTrue(group.demand) ? this.fleet.placed.length : Infinity;
      return false;
    }
    const { name } = this.fleet.place(index, instance, group.demand);
    this.#placements.push({ instance, executor: name });
    group.waiting--;
    if (group.waiting === 0 && group.keeps) this.#release(group);
    return true;
  }

  #best(group: Group): number | undefined {
    if (!group.keeps) {
      if (group.waiting < KEEP_FROM || this.#kept >= MAX_KEPT) return group.candidates.scan();
      group.keeps = true;
      this.#kept++;
    }
    return group.candidates.keep();
  }

  #release(group: Group): void {
    group.candidates.drop();
    group.keeps = false;
    this.#kept--;
  }
}

/** Whether placing something elsewhere can make an executor accept. Room only gets less. */
function mayComeTrue(demand: Demand): boolean {
  return demand.requirements.some(({ reads }) => readsLoad(reads.variables));
}

function isToBePlaced(instance: Instance): boolean {
  return (
    instance.status.state === InstanceState.PENDING && instance.spec.executor === '' && isWanted(instance)
  );
}

/** By when they were made, then by name: the same order whatever the order of the input. */
function oldestFirst(instances: readonly Instance[]): readonly Instance[] {
  return instances
    .map((instance) => ({ instance, created: instance.metadata.created?.getTime() ?? 0 }))
    .sort(
      (left, right) =>
        left.created - right.created ||
        compareText(left.instance.metadata.formation, right.instance.metadata.formation) ||
        compareText(left.instance.spec.process, right.instance.spec.process) ||
        left.instance.spec.ordinal - right.instance.spec.ordinal ||
        left.instance.spec.incarnation - right.instance.spec.incarnation,
    )
    .map(({ instance }) => instance);
}
