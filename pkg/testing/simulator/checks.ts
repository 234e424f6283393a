import type { InstanceReport } from '../../gen/gilliam/v1/session_service';
import type { Write } from '../../store/store';
import type { Check } from './checks/check';
import { ComebackCheck } from './checks/comeback';
import { ContainersCheck } from './checks/containers';
import { DrainCheck } from './checks/drain';
import { KeepsRunningCheck } from './checks/keeps-running';
import { LeaderCheck } from './checks/leader';
import { PlacementCheck } from './checks/placement';
import { ReleaseCheck } from './checks/release';
import { VolumesCheck } from './checks/volumes';
import { WatchCheck } from './checks/watch';
import { WritesCheck } from './checks/writes';
import type { EngineCall } from './engine-port';
import type { StoreChange } from './history';
import type { Machine } from './machine';
import type { SimProcess } from './sim-process';
import type { Watched } from './watcher';
import type { World } from './world';

/** What must hold always, and does not: the number is that of docs/invariants.md. */
export interface Violation {
  readonly invariant: number;
  readonly what: string;
  readonly atMs: number;
}

/** All that is checked at every step. */
export class Checks implements Required<Check> {
  /** The first; what comes after may only follow from it. */
  violation: Violation | undefined;
  readonly writes: WritesCheck;
  readonly #world: World;
  readonly #all: readonly Check[];

  constructor(world: World) {
    this.#world = world;
    const violate = (invariant: number, what: string) => this.violate(invariant, what);
    this.writes = new WritesCheck(world, violate);
    this.#all = [
      new PlacementCheck(violate),
      new ContainersCheck(world, violate),
      new ReleaseCheck(world, violate),
      this.writes,
      new KeepsRunningCheck(world, violate),
      new DrainCheck(world, violate),
      new WatchCheck(world, violate),
      new LeaderCheck(world, violate),
      new ComebackCheck(world, violate),
      new VolumesCheck(world, violate),
    ];
  }

  violate(invariant: number, what: string): void {
    if (this.violation) return;
    this.violation = { invariant, what, atMs: this.#world.time.monotonic() };
    this.#world.trace.add(`INVARIANT ${invariant}: ${what}`);
  }

  onChange(change: StoreChange): void {
    for (const check of this.#all) check.onChange?.(change);
  }

  onRest(): void {
    for (const check of this.#all) check.onRest?.();
  }

  onControllersCommit(process: SimProcess, writes: readonly Write[], revision: bigint): void {
    for (const check of this.#all) check.onControllersCommit?.(process, writes, revision);
  }

  onEngineCall(machine: Machine, call: EngineCall): void {
    for (const check of this.#all) check.onEngineCall?.(machine, call);
  }

  onRemoveVolume(machine: Machine, name: string): void {
    for (const check of this.#all) check.onRemoveVolume?.(machine, name);
  }

  onWithdraw(machine: Machine, name: string): void {
    for (const check of this.#all) check.onWithdraw?.(machine, name);
  }

  onAcknowledged(reports: readonly InstanceReport[]): void {
    for (const check of this.#all) check.onAcknowledged?.(reports);
  }

  onWatched(watched: Watched): void {
    for (const check of this.#all) check.onWatched?.(watched);
  }
}
