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
  readonly #names: readonly string[];

  constructor(count: number) {
    this.#names = Array.from({ length: count }, (_, index) => `e${index}`);
    this.nodes = this.#names.map((name) => this.#make(name));
    for (const node of this.nodes) node.finishRecovery();
  }

  at(index: number): RegistryCore {
    return this.nodes[index % this.nodes.length] as RegistryCore;
  }

  /** As two nodes do it over the network. */
  level(a: RegistryCore, b: RegistryCore): void {
    const asked = a.digests();
    b.hear(asked);
    const { deltas, digests } = b.compare(asked);
    a.hear(digests);
    a.receive(deltas);
    b.receive(a.compare(digests).deltas);
  }

  /** A node loses all but what it has saved, and asks the others, as far as they are `near`. */
  restart(index: number, saved?: SavedState, near: readonly RegistryCore[] = this.nodes): RegistryCore {
    const at = index % this.nodes.length;
    const node = this.#make(this.#names[at] as string);
    const others = near.filter((other) => other !== this.nodes[at]);
    this.nodes[at] = node;
    if (saved) node.restore(saved);
    for (const other of others) this.level(node, other);
    node.finishRecovery();
    return node;
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

  #make(name: string): RegistryCore {
    const node = new RegistryCore({
      name,
      clock: this.clock,
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
