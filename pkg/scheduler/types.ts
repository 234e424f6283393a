import type { Verdict } from '../gen/gilliam/v1/instance_service';
import type { Process } from '../gen/gilliam/v1/release';
import type { Executor, Instance, Volume } from '../resource/objects';

/** What scheduling is decided on: read once, never changed. */
export interface Snapshot {
  readonly executors: readonly Executor[];
  /** All unfinished instances of the stage, placed or pending. */
  readonly instances: readonly Instance[];
  /** The process of an instance's release; undefined when the release is gone. */
  processOf(instance: Instance): Process | undefined;
  /** A volume by formation and name. Default: there are none. */
  volume?(formation: string, name: string): Volume | undefined;
}

/** Where one pending instance goes. */
export interface Placement {
  readonly instance: Instance;
  /** The executor's name. */
  readonly executor: string;
}

/** A pending instance that no executor may take now. */
export interface Unplaced {
  readonly instance: Instance;
  /** One line for people, as Nomad's and Kubernetes' are: `0 of 3 executors: 2 cordoned, 1 too little memory`. */
  readonly message: string;
}

export interface SchedulePlan {
  readonly placements: readonly Placement[];
  readonly unplaced: readonly Unplaced[];
}

/** plan.ts: all pending instances of the snapshot, oldest first; pure. */
export type Schedule = (snapshot: Snapshot) => SchedulePlan;

/** explain.ts: every executor's verdict on one instance, placed or not, by the same filters and rank; pure. */
export type Explain = (snapshot: Snapshot, instance: Instance) => readonly Verdict[];
