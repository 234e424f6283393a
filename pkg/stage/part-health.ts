import type { VirtualIpStatus } from '../registry/status';

/** What a part of the stage says of itself. */
export interface PartHealth {
  readonly healthy: boolean;
  /** Why not, or what it has to do without; may be empty. */
  readonly message: string;
  /** Of the network. */
  readonly virtualIps?: VirtualIpStatus;
}
