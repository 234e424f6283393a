import type { RegistryCore } from './core';
import type { PeerStatus } from './gossip';

export interface FollowerStatus {
  readonly name: string;
  /** Absent of one in the same process. */
  readonly connected?: boolean;
  /** Changes that it has not confirmed. */
  readonly pending?: number;
}

/** How connections to virtual IPs get to instances on this machine, and why in no better way. */
export interface VirtualIpStatus {
  /** Where they are made, by programs of the kernel; packet by packet, by nftables; or there are no virtual IPs. */
  readonly translation: 'connect' | 'nftables' | 'none';
  /** With what to do; empty for `connect`. */
  readonly reason: string;
}

/** What a node says of itself: `GET /-/status`. */
export interface RegistryStatus {
  readonly name: string;
  readonly address?: string;
  /** All that it knows, and of that what was announced at it. */
  readonly entries: number;
  readonly own: number;
  /** It was restarted, and asks its peers what it has said before. */
  readonly recovering: boolean;
  /** Addresses of instances that it knows. */
  readonly instances: number;
  readonly peers: readonly PeerStatus[];
  readonly followers: readonly FollowerStatus[];
  /** Whose clocks cannot be right; of this node, where it differs from most. */
  readonly wrongClocks: readonly string[];
  /** What they say is passed on by others, and of times too far ahead to be believed. */
  readonly refused: readonly string[];
  /** Absent where nobody keeps any beside the node. */
  readonly virtualIps?: VirtualIpStatus;
}

export interface StatusContext {
  readonly name: string;
  readonly address?: string;
  readonly core: RegistryCore;
  readonly peers: readonly PeerStatus[];
  readonly followers: readonly FollowerStatus[];
  readonly instances: number;
  readonly maxClockAheadMs: number;
  readonly virtualIps?: VirtualIpStatus;
}

export function statusOf(context: StatusContext): RegistryStatus {
  const { name, address, core, peers, followers, instances, maxClockAheadMs, virtualIps } = context;
  return {
    name,
    ...(address === undefined ? {} : { address }),
    entries: core.index.live,
    own: core.liveOwn,
    recovering: !core.complete && peers.length > 0,
    instances,
    peers,
    followers,
    wrongClocks: wrongClocks(name, peers, maxClockAheadMs),
    refused: core.refused,
    ...(virtualIps && { virtualIps }),
  };
}

/** Those that are far from what most clocks say, this one's included. */
function wrongClocks(name: string, peers: readonly PeerStatus[], farMs: number): readonly string[] {
  const clocks = [
    { name, aheadMs: 0 },
    ...peers.flatMap((peer) =>
      peer.clockAheadMs === undefined ? [] : [{ name: peer.name, aheadMs: peer.clockAheadMs }],
    ),
  ].sort((a, b) => a.aheadMs - b.aheadMs);
  // Of two that differ nobody knows which is right: both are named.
  const low = clocks[Math.floor((clocks.length - 1) / 2)]?.aheadMs ?? 0;
  const high = clocks[Math.ceil((clocks.length - 1) / 2)]?.aheadMs ?? 0;
  return clocks
    .filter(({ aheadMs }) => Math.abs(aheadMs - low) > farMs || Math.abs(aheadMs - high) > farMs)
    .map((clock) => clock.name)
    .sort();
}
