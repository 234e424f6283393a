/** What a reconcile that succeeded asks for. */
export interface Outcome {
  /** Look at the key again after this time even if nothing changes. */
  readonly requeueAfterMs?: number;
}

/**
 * Makes what is into what is wished, for one key. Level-triggered: it is given only the key, and reads everything
 * else, so that it does not matter which event, how many, or none at all, led to the call. Doing it twice is the same
 * as doing it once.
 *
 * It is never called for the same key twice at once. To be called again: return `requeueAfterMs`, or throw.
 * ConflictError and ExistsError say that it decided on something old; they cost a short delay and no line in the log.
 * FencedError ends the leader's term.
 */
export interface Reconciler {
  reconcile(key: string, signal: AbortSignal): Promise<Outcome>;
}
