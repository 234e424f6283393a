/** How much a server takes and holds. Every bound has an error that names it. */
export interface Limits {
  /** The largest request message. */
  readonly maxMessageBytes: number;
  /** The largest source tree, as a tar archive. */
  readonly maxUploadBytes: number;
  /** The largest image that is taken in, as `docker save` writes it. */
  readonly maxImageBytes: number;
  /** Builds at a time. */
  readonly maxBuilds: number;
  /** Watches and log streams at a time. */
  readonly maxStreams: number;
  /** Changes that are kept for watchers that are a little behind. */
  readonly watchHistory: number;
  /** The longest silence on a watch: then a message says how far it has come. */
  readonly heartbeatMs: number;
  /** How long an executor may take to begin sending logs that are asked for. */
  readonly logsWithinMs: number;
  /** The time to live of sessions when this server dies. */
  readonly leaseTtlMs: number;
  /** The longest silence of a peer, while calls are under way, before it is asked for a sign of life. */
  readonly keepaliveMs: number;
  /** How long that sign of life may take. */
  readonly keepaliveTimeoutMs: number;
}

export const defaultLimits: Limits = {
  maxMessageBytes: 4 * 2 ** 20,
  maxUploadBytes: 512 * 2 ** 20,
  maxImageBytes: 8 * 2 ** 30,
  maxBuilds: 4,
  maxStreams: 1_000,
  watchHistory: 10_000,
  heartbeatMs: 10_000,
  logsWithinMs: 5_000,
  leaseTtlMs: 5_000,
  keepaliveMs: 1_000,
  // Not less: on a busy machine a process may stand still for seconds, and each of its calls would break.
  keepaliveTimeoutMs: 4_000,
};
