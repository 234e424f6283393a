/** How long things take in a registry. */
export interface RegistryTimes {
  /** What others announce expires when it is not renewed for so long. */
  readonly livenessMs: number;
  /** The same of what the agent announces: longer, so that an agent's restart costs nothing. */
  readonly agentLivenessMs: number;
  /** A node that was not heard of for so long is down, and its entries are stale. */
  readonly nodeLivenessMs: number;
  /** A follower whose connection broke less long ago counts as up: it is being restarted. */
  readonly followerGraceMs: number;
  /** How long it is remembered that something was withdrawn. */
  readonly tombstoneMs: number;
  /** Between two comparisons with a peer, heartbeats and looks at what has expired. */
  readonly tickMs: number;
  /** Changes that follow a push so soon are collected for the next one. */
  readonly pushIntervalMs: number;
  /** How long a peer may take to answer. */
  readonly peerTimeoutMs: number;
  /** How far ahead a peer's clock may be. */
  readonly maxClockAheadMs: number;
  /** The longest that a reader waits for a change. */
  readonly maxPollMs: number;
  /** Between two signs of life on streams. */
  readonly pingMs: number;
}

export const defaultTimes: RegistryTimes = {
  livenessMs: 30_000,
  agentLivenessMs: 120_000,
  nodeLivenessMs: 15_000,
  followerGraceMs: 10_000,
  tombstoneMs: 600_000,
  tickMs: 1_000,
  pushIntervalMs: 10,
  peerTimeoutMs: 3_000,
  maxClockAheadMs: 3_600_000,
  maxPollMs: 60_000,
  pingMs: 2_000,
};

/** How much a registry takes. */
export interface RegistryLimits {
  readonly bodyBytes: number;
  /** Levels of nesting of a body. */
  readonly bodyDepth: number;
  /** The `ports` of one announcement. */
  readonly ports: number;
  /** What is announced at one node: in one formation by others than the agent, and in all. */
  readonly entriesPerFormation: number;
  readonly entriesPerNode: number;
  /** Announcements and withdrawals a second of one announcer, and how many at once. The agent has no such limit. */
  readonly writesPerSecond: number;
  readonly writesBurst: number;
  /** Readers that wait for changes, at one node. */
  readonly waiting: number;
  /** Connections of one address, at each of the node's own. */
  readonly connectionsPerCaller: number;
  /** A message of a peer. */
  readonly gossipBytes: number;
  /** To how many peers a node passes a change on itself. */
  readonly fanOut: number;
}

export const defaultLimits: RegistryLimits = {
  bodyBytes: 16 << 10,
  bodyDepth: 16,
  ports: 64,
  entriesPerFormation: 1_000,
  entriesPerNode: 10_000,
  writesPerSecond: 100,
  writesBurst: 500,
  waiting: 2_000,
  connectionsPerCaller: 1_000,
  gossipBytes: 64 << 20,
  fanOut: 8,
};
