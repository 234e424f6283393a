import type { InstanceReport } from '../../../gen/gilliam/v1/session_service';
import type { Write } from '../../../store/store';
import type { EngineCall } from '../engine-port';
import type { StoreChange } from '../history';
import type { Machine } from '../machine';
import type { SimProcess } from '../sim-process';
import type { Watched } from '../watcher';

/** What a part of the world says the moment that it happens. A check listens to what it needs. */
export interface Check {
  /** The store has carried out a write. */
  onChange?(change: StoreChange): void;
  /** All is at rest until the next timer. */
  onRest?(): void;
  onControllersCommit?(process: SimProcess, writes: readonly Write[], revision: bigint): void;
  /** An agent asks its engine for something. */
  onEngineCall?(machine: Machine, call: EngineCall): void;
  /** An agent has its engine delete a volume, by the engine's name of it. */
  onRemoveVolume?(machine: Machine, name: string): void;
  /** An agent takes back an announcement: `shop/web.1`. */
  onWithdraw?(machine: Machine, name: string): void;
  /** An agent hears that what it reported is written down. */
  onAcknowledged?(reports: readonly InstanceReport[]): void;
  onWatched?(watched: Watched): void;
}

/** Says that something is not as it must be: the number is that of docs/invariants.md. */
export type Violate = (invariant: number, what: string) => void;
