/**
 * The best of `size` players at any time, as a knock-out tournament: each inner node holds the winner of the two below
 * it. When one player changes, only its own path to the top is played again.
 */
export class WinnerTree {
  // Node 1 is the top, 2n and 2n + 1 are below n, and the players are the last `#width` nodes.
  readonly #nodes: Int32Array;
  readonly #width: number;

  /** `wins(a, b)`: a strict order of the players as they are now. */
  constructor(
    readonly size: number,
    readonly wins: (left: number, right: number) => boolean,
  ) {
    this.#width = 2 ** Math.ceil(Math.log2(Math.max(1, size)));
    this.#nodes = new Int32Array(2 * this.#width).fill(-1);
    for (let player = 0; player < size; player++) this.#nodes[this.#width + player] = player;
    for (let node = this.#width - 1; node >= 1; node--) this.#nodes[node] = this.#winnerAt(node);
  }

  /** The best player; -1 when there is none. */
  get winner(): number {
    return this.#nodes[1] as number;
  }

  /** Plays the games of one player again, who has changed. */
  update(player: number): void {
    for (let node = (this.#width + player) >> 1; node >= 1; node >>= 1) {
      const winner = this.#winnerAt(node);
      // Beaten as before by somebody who has not changed: nothing is different further up.
      if (winner !== player && winner === this.#nodes[node]) return;
      this.#nodes[node] = winner;
    }
  }

  #winnerAt(node: number): number {
    const left = this.#nodes[2 * node] as number;
    const right = this.#nodes[2 * node + 1] as number;
    if (right === -1) return left;
    return left === -1 || this.wins(right, left) ? right : left;
  }
}
