import type { Clock } from '../base/clock';
import { formatKey } from '../registry/entry-key';
import type { EntryKey } from '../registry/types';
import type { Services, VirtualService } from './ruleset';

/**
 * The time after a restart in which rules of before are kept for names that nothing is announced for yet, and what is
 * withdrawn meanwhile: it may be in these rules though nobody has seen it.
 */
export class RestartHold {
  #untilMs: number | undefined;
  /** Of the rules of before, those that go: by name. */
  readonly #unseen = new Map<string, VirtualService[]>();
  /** What was withdrawn meanwhile, and is not in the rules any more. */
  readonly #gone = new Set<string>();
  /** Those who wait for it to be over. */
  #waiting: (() => void)[] = [];

  constructor(private readonly clock: Pick<Clock, 'monotonic'>) {}

  get active(): boolean {
    return this.#untilMs !== undefined;
  }

  begin(ms: number): void {
    this.#untilMs = this.clock.monotonic() + ms;
  }

  /** Ends it if its time is over; whether it was. */
  expire(): boolean {
    if (this.#untilMs === undefined || this.clock.monotonic() < this.#untilMs) return false;
    this.end();
    return true;
  }

  /** The rules of before are not there any more, or are not what they were taken for. */
  end(): void {
    this.#untilMs = undefined;
  }

  /** What has become of the name's rules of before is to be looked at: they go, unless something is announced. */
  note(name: string, services: readonly VirtualService[]): void {
    this.#unseen.set(name, [...(this.#unseen.get(name) ?? []), ...services]);
  }

  /** What the kernel has, as far as it is known, and what was noted since the last time. */
  withNoted(applied: Services): Services {
    if (this.#unseen.size === 0) return applied;
    const merged = new Map(applied);
    for (const [name, noted] of this.#unseen) {
      const seen = merged.get(name) ?? [];
      merged.set(name, [...seen, ...noted.filter(({ port }) => !seen.some((other) => other.port === port))]);
    }
    this.#unseen.clear();
    return merged;
  }

  /** The entry was withdrawn, and is in no rules any more. */
  left(key: EntryKey): void {
    if (this.active) this.#gone.add(formatKey(key));
  }

  hasLeft(key: EntryKey): boolean {
    return this.#gone.has(formatKey(key));
  }

  /** Resolves when it is over and the kernel has the rules of now. */
  over(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The kernel has what it was told. */
  settle(): void {
    if (this.active) return;
    this.#gone.clear();
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
