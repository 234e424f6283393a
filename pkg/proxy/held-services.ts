import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { backoffMs } from '../base/backoff';
import { sleep, type Clock } from '../base/clock';
import { messageOf } from '../base/errors';
import type { Logger } from '../base/log';
import type { Random } from '../base/random';
import type { Client } from '../client/client';

const backoff = { startMs: 100, capMs: 5_000, jitter: 0.5 } as const;

export interface HeldServicesOptions {
  readonly client: Pick<Client, 'router'>;
  /** The executor's name, for logs. */
  readonly name: string;
  /** What was told last, for when there is no control plane. */
  readonly file: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** The services that are scaled to none when nobody asks for them, as the control plane tells; kept on disk. */
export class HeldServices {
  #names: ReadonlySet<string>;

  constructor(private readonly options: HeldServicesOptions) {
    this.#names = new Set(this.#read());
  }

  has({ service, formation }: { readonly service: string; readonly formation: string }): boolean {
    return this.#names.has(`${service}.${formation}`);
  }

  /** Follows until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { client, name, clock, random, log } = this.options;
    for (let failures = 0; !signal.aborted;) {
      try {
        for await (const { heldServices } of client.router.followRoutes(
          { name, heldOnly: true },
          { signal },
        )) {
          failures = 0;
          this.#names = new Set(heldServices);
          this.#keep(heldServices);
        }
      } catch (error) {
        if (signal.aborted) return;
        const level = failures++ === 0 ? 'info' : 'debug';
        log[level]('it is not known which services wake: going on with the last ones', {
          error: messageOf(error),
        });
      }
      await sleep(clock, backoffMs(backoff, failures, random), signal).catch(() => {});
    }
  }

  #read(): readonly string[] {
    const { file, log } = this.options;
    try {
      const names: unknown = JSON.parse(readFileSync(file, 'utf8'));
      return Array.isArray(names) ? names.map(String) : [];
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        log.warn('the services that wake cannot be read', { file, error: messageOf(error) });
      }
      return [];
    }
  }

  #keep(names: readonly string[]): void {
    const { file, log } = this.options;
    try {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      writeFileSync(`${file}.new`, JSON.stringify(names), { mode: 0o600 });
      renameSync(`${file}.new`, file);
    } catch (error) {
      log.warn('the services that wake cannot be kept', { file, error: messageOf(error) });
    }
  }
}
