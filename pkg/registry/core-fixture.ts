import type { Clock } from '../base/clock';
import { VirtualClock } from '../testing/virtual-clock';
import type { SavedState } from './core';
import { RegistryCore } from './core';
import { formatKey } from './entry-key';
import { defaultLimits, defaultTimes } from './settings';
import type { EntryKey } from './types';

/** Nodes without networks and timers, for tests: what is said between them is said by the test. */
export class Cores {
  readonly clock = new VirtualClock();
  readonly nodes: RegistryCore[];
  /** By how much each node's wall clock is ahead of the right one. */
  readonly aheadMs: number[];
  readonly #names: readonly string[];

  constructor(count: number) {
    this.#names = Array.from({ length: count }, (_, index) => `e${index}`);
    this.aheadMs = this.#names.map(() => 0);
    this.nodes = this.#names.map((name) => this.#make(name));
    for (const node of this.nodes) node.finishRecovery();
  }

  at(index: number): RegistryCore {
    return this.nodes[index % this.nodes.length] as RegistryCore;
  }

  /** As two nodes do it over the network: neither takes a word from whose clock is far ahead of its own. */
  level(a: RegistryCore, b: RegistryCore): void {
    const differenceMs = this.#aheadMs(a) - this.#aheadMs(b);
    if (differenceMs > defaultTimes.maxClockAheadMs) return;
    const asked = a.digests();
    b.hear(asked);
    const { deltas, digests } = b.compare(asked);
    if (-differenceMs > defaultTimes.maxClockAheadMs) return;
    a.hear(digests);
    a.receive(deltas);
    b.receive(a.compare(digests).deltas);
  }

  /** A node loses all but what it has saved, and asks the others, as far as they are `near`. */
  restart(
    index: number,
    saved?: SavedState,
    near: readonly RegistryCore[] = this.nodes,
    awayMs = 0,
  ): RegistryCore {
    const at = index % this.nodes.length;
    const node = this.#make(this.#names[at] as string);
    const others = near.filter((other) => other !== this.nodes[at]);
    this.nodes[at] = node;
    if (saved) node.restore(saved, awayMs);
    for (const other of others) this.level(node, other);
    node.finishRecovery();
    return node;
  }

  /** The first node, begun anew with nothing, among these, none of whom it hears. */
  lone(peers: readonly string[] = []): RegistryCore {
    const node = this.#make('e0');
    node.setMembers(peers);
    this.nodes[0] = node;
    return node;
  }

  /** As nodes do it that find out that they may not know all that they have said. */
  recover(): void {
    for (const node of this.nodes) {
      if (node.complete) continue;
      for (const other of this.nodes) if (other !== node) this.level(node, other);
      node.finishRecovery();
    }
  }

  /** Until nobody learns anything from anybody. */
  heal(): void {
    for (let round = 0; round < 4; round++) {
      for (const a of this.nodes) for (const b of this.nodes) if (a !== b) this.level(a, b);
    }
  }

  /** Lets time pass, with a tick of each node a second. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 1_000) {
      await this.clock.advance(1_000);
      for (const node of this.nodes) node.tick();
    }
  }

  #aheadMs(node: RegistryCore): number {
    return this.aheadMs[this.nodes.indexOf(node)] ?? 0;
  }

  /** Its wall clock may be wrong; the time that passes is the same for all. */
  #clockOf(name: string): Clock {
    const { clock, aheadMs } = this;
    const at = this.#names.indexOf(name);
    return {
      now: () => clock.now() + (aheadMs[at] ?? 0),
      monotonic: () => clock.monotonic(),
      after: (delayMs, callback) => clock.after(delayMs, callback),
    };
  }

  #make(name: string): RegistryCore {
    const node = new RegistryCore({
      name,
      clock: this.#clockOf(name),
      times: defaultTimes,
      limits: defaultLimits,
      onStep: () => {},
    });
    node.setMembers(this.#names);
    return node;
  }
}

/** `shop/web.1` and its body, of all that a node knows. */
export function viewOf(node: RegistryCore): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    node.index
      .all()
      .map(
        (entry) =>
          [formatKey(entry), { body: entry.body, origin: entry.origin, version: entry.version }] as const,
      )
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

export function keyOf(number: number): EntryKey {
  return { formation: 'shop', service: number % 2 === 0 ? 'web' : 'worker', instance: String(number) };
}
