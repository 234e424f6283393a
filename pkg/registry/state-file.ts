import { mkdirSync, readFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../base/clock';
import type { Disposable } from '../base/disposable';
import { messageOf } from '../base/errors';
import type { Logger } from '../base/log';
import type { SavedState } from './core';
import type { Peer } from './gossip';

/** What outlasts a restart. */
export interface Saved {
  /** Since it was written, by the wall clock; 0 where that has gone back. Of what was read only. */
  readonly awayMs?: number;
  readonly peers: readonly Peer[];
  /** Of other processes. */
  readonly followers: readonly string[];
  /** Of this process; absent in files of before. */
  readonly local?: readonly string[];
  readonly own: SavedState;
}

interface File extends Saved {
  readonly savedMs: number;
}

/** Changes that come so soon after each other are written together. */
const gatherMs = 50;
/** Written so often even without a change, so that a file tells how long the node was away. */
const refreshMs = 30_000;
/** The same where others announce: what they renew is no change, and their time is short. */
const refreshRenewalsMs = 5_000;
/** After that, what was announced is no proof of anything: the machine may have been switched off. */
const entriesKeptMs = 150_000;

/** The file of a node's state. It spares peers and agents work, and is right without: so writing it may fail. */
export class StateFile {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #log: Logger;
  #content: () => Saved = () => ({ peers: [], followers: [], own: { newest: '', items: [] } });
  #timer?: Disposable;
  #writing: Promise<void> = Promise.resolve();
  #writtenMs = -Infinity;
  #closed = false;

  constructor(directory: string, options: { readonly clock: Clock; readonly log: Logger }) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.#path = join(directory, 'registry.json');
    this.#clock = options.clock;
    this.#log = options.log;
  }

  /** What was kept; undefined when nothing was, or it cannot be read. From now on `content` is what is to be kept. */
  load(content: () => Saved): Saved | undefined {
    this.#content = content;
    try {
      const { savedMs, ...saved } = JSON.parse(readFileSync(this.#path, 'utf8')) as File;
      const awayMs = Math.max(0, this.#clock.now() - savedMs);
      const isOld = awayMs > entriesKeptMs;
      return { ...saved, awayMs, own: isOld ? { ...saved.own, items: [] } : saved.own };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        this.#log.warn('the registry begins without what it kept', {
          path: this.#path,
          error: messageOf(error),
        });
      }
      return undefined;
    }
  }

  changed(): void {
    if (this.#closed) return;
    this.#timer ??= this.#clock.after(gatherMs, () => {
      this.#timer = undefined;
      void this.#write();
    });
  }

  /** @param renewals others announce here */
  tick(renewals: boolean): void {
    const afterMs = renewals ? refreshRenewalsMs : refreshMs;
    if (this.#clock.monotonic() - this.#writtenMs > afterMs) this.changed();
  }

  async close(): Promise<void> {
    this.#timer?.dispose();
    this.#closed = true;
    await this.#write();
  }

  #write(): Promise<void> {
    this.#writtenMs = this.#clock.monotonic();
    this.#writing = this.#writing.then(async () => {
      const file: File = { savedMs: this.#clock.now(), ...this.#content() };
      try {
        await writeFile(`${this.#path}.new`, JSON.stringify(file), { mode: 0o600 });
        await rename(`${this.#path}.new`, this.#path);
      } catch (error) {
        this.#log.warn('the registry cannot keep its state', { path: this.#path, error: messageOf(error) });
      }
    });
    return this.#writing;
  }
}
