import type { Clock } from '../base/clock';
import { sleep } from '../base/clock';
import type { Pending } from './follower-hub';

export interface MirrorAcksOptions {
  readonly clock: Clock;
  /** Throws when it has to be said again. */
  readonly post: (body: { session: string; seqs: readonly number[] }, signal: AbortSignal) => Promise<void>;
}

const retryMs = 200;

/**
 * What a mirror has confirmed, and still has to tell the node. The number of a snapshot stands for all before it, so it
 * is confirmed only once all that was under way before has ended well too.
 */
export class MirrorAcks {
  readonly #options: MirrorAcksOptions;
  readonly #end = new AbortController();
  /** Those not ended, and those that have failed. */
  #open = new Set<Promise<boolean>>();
  #session = '';
  #waiting: number[] = [];
  #sending = false;

  constructor(options: MirrorAcksOptions) {
    this.#options = options;
  }

  /** Numbers are the node's of now: what it had given out before a restart means nothing to it. */
  begin(session: string): void {
    if (session === this.#session) return;
    this.#session = session;
    this.#waiting = [];
  }

  change(seq: number, pending: readonly Pending[]): void {
    const session = this.#session;
    this.#confirm(seq, session, this.#keep(allOf(pending)));
  }

  snapshot(seq: number, pending: readonly Pending[]): void {
    const session = this.#session;
    const before = [...this.#open];
    this.#open = new Set();
    const all = Promise.all([...before, allOf(pending)]).then((confirmed) => confirmed.every(Boolean));
    // What has failed before keeps one snapshot from being confirmed: the next one is a new attempt.
    this.#open.add(all);
    void all.then(() => this.#open.delete(all));
    this.#confirm(seq, session, all);
  }

  /** Tells the node that there is somebody at this end, with what else there is to tell. */
  alive(): void {
    void this.#send();
  }

  close(): void {
    this.#end.abort();
  }

  #keep(confirmed: Promise<boolean>): Promise<boolean> {
    this.#open.add(confirmed);
    void confirmed.then((ok) => {
      if (ok) this.#open.delete(confirmed);
    });
    return confirmed;
  }

  #confirm(seq: number, session: string, confirmed: Promise<boolean>): void {
    void confirmed.then((ok) => {
      if (!ok || session !== this.#session) return;
      this.#waiting.push(seq);
      void this.#send();
    });
  }

  async #send(): Promise<void> {
    if (this.#sending) return;
    this.#sending = true;
    try {
      // At least once: a confirmation of nothing is a sign of life.
      do {
        const session = this.#session;
        const seqs = this.#waiting.splice(0);
        try {
          await this.#options.post({ session, seqs }, this.#end.signal);
        } catch {
          if (session === this.#session) this.#waiting.unshift(...seqs);
          await sleep(this.#options.clock, retryMs, this.#end.signal).catch(() => {});
        }
      } while (this.#waiting.length > 0 && !this.#end.signal.aborted);
    } finally {
      this.#sending = false;
    }
  }
}

async function allOf(pending: readonly Pending[]): Promise<boolean> {
  const confirmations = await Promise.all(pending.map(({ confirmation }) => confirmation));
  return confirmations.every((confirmation) => confirmation !== 'failed');
}
