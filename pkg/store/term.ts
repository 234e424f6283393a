import type { Lease, Leadership } from './store';

/** A leadership as both stores make it: the right to one key, which lives by a lease. */
export class Term implements Leadership {
  readonly #deposed = new AbortController();
  readonly lost: AbortSignal;

  constructor(
    readonly election: string,
    readonly identity: string,
    readonly term: bigint,
    /** The path of the leader's key; `term` is the revision at which it was created. */
    readonly path: string,
    private readonly lease: Lease,
  ) {
    this.lost = AbortSignal.any([lease.lost, this.#deposed.signal]);
  }

  /** The store has refused a write because of this term: it is over, whatever the clock says. */
  depose(): void {
    this.#deposed.abort(new Error('somebody else leads'));
  }

  async resign(): Promise<void> {
    this.#deposed.abort(new Error('resigned'));
    await this.lease.revoke();
  }
}

/** Where the candidates of an election keep their keys: the oldest leads. */
export function electionPrefix(election: string): string {
  return `elections/${election}/`;
}
