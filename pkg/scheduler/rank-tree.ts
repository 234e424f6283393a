/**
 * The highest of many ranks at any time, as a knock-out tournament: each inner node holds the winner of the two below
 * it. When one rank changes, only the games of its own path to the top are played again, and of those only as many as
 * it takes part in. Of equal ranks the first wins.
 */
export class RankTree {
  readonly #ranks: Float64Array;
  // Node 1 is the top, 2n and 2n + 1 are below n, and from `size` on the nodes are the ranks themselves.
  readonly #winners: Uint16Array | Uint32Array;

  constructor(ranks: Float64Array) {
    this.#ranks = Float64Array.from(ranks);
    const { length } = ranks;
    // Small, as many trees have to share the processor's caches.
    this.#winners = length <= 2 ** 16 ? new Uint16Array(length) : new Uint32Array(length);
    for (let node = length - 1; node >= 1; node--) this.#winners[node] = this.#play(node);
  }

  /** The index of the highest rank; undefined when there is none at all. */
  get best(): number | undefined {
    return this.#ranks.length === 0 ? undefined : this.#winnerOf(1);
  }

  rankOf(index: number): number {
    return this.#ranks[index] as number;
  }

  update(index: number, rank: number): void {
    if (this.#ranks[index] === rank) return;
    this.#ranks[index] = rank;
    for (let node = (this.#ranks.length + index) >> 1; node >= 1; node >>= 1) {
      const winner = this.#play(node);
      // Beaten as before by one that has not changed: nothing is different further up.
      if (winner !== index && winner === this.#winners[node]) return;
      this.#winners[node] = winner;
    }
  }

  #play(node: number): number {
    const left = this.#winnerOf(2 * node);
    const right = this.#winnerOf(2 * node + 1);
    const leftRank = this.#ranks[left] as number;
    const rightRank = this.#ranks[right] as number;
    if (leftRank !== rightRank) return leftRank > rightRank ? left : right;
    return left < right ? left : right;
  }

  #winnerOf(node: number): number {
    const size = this.#ranks.length;
    return node >= size ? node - size : (this.#winners[node] as number);
  }
}
