import { backoffMs } from '../../base/backoff';
import type { Clock } from '../../base/clock';
import { messageOf } from '../../base/errors';
import type { Logger } from '../../base/log';
import type { Volume } from '../../resource/objects';
import type { Driver, Owner } from '../driver';
import { Waker } from '../waker';
import { engineVolumeName } from './engine-volume';

const backoff = { startMs: 500, capMs: 30_000 } as const;

export interface VolumeRemoverOptions {
  readonly driver: Pick<Driver, 'removeVolume'>;
  readonly owner: Owner;
  readonly clock: Clock;
  readonly log: Logger;
  /** There is something to tell the control plane. */
  readonly onRemoved: () => void;
}

/**
 * Deletes the volumes that the control plane says are to be deleted, until they are: one that a container still has is
 * tried again. Keeps nothing beyond what it was last told, and is told all of it with every session: whatever is lost
 * on the way is done again, and to delete what is not there does no harm.
 */
export class VolumeRemover {
  readonly #options: VolumeRemoverOptions;
  readonly #waker = new Waker();
  /** Uid → the engine's name, of those that are still to be deleted. */
  #wished = new Map<string, string>();
  readonly #removed = new Set<string>();
  #untold: string[] = [];
  #fresh = false;

  constructor(options: VolumeRemoverOptions) {
    this.#options = options;
  }

  /** All that are to be deleted, as of now. */
  take(volumes: readonly Volume[]): void {
    const { owner } = this.#options;
    const named = new Set<string>();
    this.#wished = new Map();
    for (const volume of volumes) {
      const { uid } = volume.metadata;
      if (volume.spec.executor !== owner.executor) continue;
      named.add(uid);
      if (!this.#removed.has(uid)) this.#wished.set(uid, engineVolumeName(owner, volume));
    }
    for (const uid of this.#removed) if (!named.has(uid)) this.#removed.delete(uid);
    this.#fresh = true;
    this.#waker.wake();
  }

  /** A new session: what was told in the last one may not have arrived. */
  reconnected(): void {
    this.#untold = [];
    this.#removed.clear();
  }

  /** The uids of those that have been deleted since it was last asked; undefined when there are none. */
  takeRemoved(): string[] | undefined {
    const uids = this.#untold;
    this.#untold = [];
    return uids.length > 0 ? uids : undefined;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    for (let failures = 0; !signal.aborted;) {
      this.#fresh = false;
      const all = await this.#pass(signal);
      failures = all || this.#fresh ? 0 : failures + 1;
      if (this.#fresh) continue;
      await this.#waker.wait(clock, all ? undefined : backoffMs(backoff, failures - 1), signal);
    }
  }

  /** Whether nothing is left to be deleted. */
  async #pass(signal: AbortSignal): Promise<boolean> {
    const { driver, log, onRemoved } = this.#options;
    for (const [uid, name] of this.#wished) {
      try {
        await driver.removeVolume(name, signal);
      } catch (error) {
        if (signal.aborted) return true;
        log.debug('a volume could not be deleted yet', { volume: name, error: messageOf(error) });
        continue;
      }
      // It may not be wished any more.
      if (!this.#wished.delete(uid)) continue;
      log.info('volume deleted', { volume: name });
      this.#removed.add(uid);
      this.#untold.push(uid);
      onRemoved();
    }
    return this.#wished.size === 0;
  }
}
