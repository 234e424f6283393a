import type { TrafficTable } from '../../registry/traffic';
import type { Announcement, EntryKey, Identity, InstanceNetwork, Withdrawal } from '../../registry/types';

/** Another executor's node of the service registry. */
export interface Peer {
  /** The executor's name. */
  readonly name: string;
  /** `host:port` */
  readonly address: string;
}

/** Container address → whose it is. */
export type AddressTable = Readonly<Record<string, Identity>>;

/**
 * What the agent needs of this machine's network daemon. Every verb may be repeated, and throws while the daemon does
 * not answer.
 */
export interface ServiceNetwork {
  /** What instances are given. */
  environment(signal: AbortSignal): Promise<InstanceNetwork>;
  /** Announces, changes and renews. */
  announce(key: EntryKey, body: Announcement, signal: AbortSignal): Promise<void>;
  /**
   * Takes it back. Resolves once nothing is sent there any more, or when `waitMs` have passed; also when it was taken
   * back before.
   */
  withdraw(key: EntryKey, waitMs: number, signal: AbortSignal): Promise<Withdrawal>;
  /** All instances that run here; stands for what was told before. */
  setInstances(table: AddressTable, signal: AbortSignal): Promise<void>;
  /** All nodes of the stage, this one included; stands for what was told before. */
  setPeers(peers: readonly Peer[], signal: AbortSignal): Promise<void>;
  /** What router and proxy here have sent to services. */
  traffic(signal: AbortSignal): Promise<TrafficTable>;
}
