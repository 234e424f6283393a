/** How many instances of each process are on each executor; executors are given by their index. */
export class Census {
  readonly #counts = new Map<string, Map<number, number>>();

  /** The counts of one process, which go on changing; executors without any are not in it. */
  of(process: string): ReadonlyMap<number, number> {
    return this.#of(process);
  }

  add(process: string, executor: number): void {
    const counts = this.#of(process);
    counts.set(executor, (counts.get(executor) ?? 0) + 1);
  }

  #of(process: string): Map<number, number> {
    const known = this.#counts.get(process);
    if (known) return known;
    const counts = new Map<number, number>();
    this.#counts.set(process, counts);
    return counts;
  }
}
