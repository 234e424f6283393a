import { setMaxListeners } from 'node:events';
import { backoffMs } from '../base/backoff';
import type { Clock } from '../base/clock';
import { sleep } from '../base/clock';
import { messageOf } from '../base/errors';
import type { Logger } from '../base/log';
import type { Random } from '../base/random';
import type { Container, ContainerEvent, Driver, Owner } from './driver';

const backoff = { startMs: 100, capMs: 2_000, jitter: 0.2 } as const;

export interface EngineWatchOptions {
  readonly driver: Driver;
  readonly owner: Owner;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly relistMs: number;
  /** All containers: first, whenever events may have been missed, and now and then. */
  readonly onList: (containers: readonly Container[]) => void;
  readonly onEvent: (event: ContainerEvent) => void;
  /** Why it does not answer; empty: it does, and the list has been told. */
  readonly onSilence: (why: string) => void;
}

/** Tells what happens in the engine, for ever: subscribe, list, follow; after any doubt, again. */
export async function watchEngine(options: EngineWatchOptions, signal: AbortSignal): Promise<void> {
  const { clock, random, log } = options;
  let failures = 0;
  while (!signal.aborted) {
    const ended = new AbortController();
    const either = AbortSignal.any([signal, ended.signal]);
    // As many are inspected at a time as the driver thinks good.
    setMaxListeners(0, either);
    try {
      const events = await options.driver.events(options.owner, either);
      options.onList(await options.driver.list(options.owner, either));
      if (failures > 0) log.info('the container engine answers again');
      failures = 0;
      options.onSilence('');
      await Promise.race([follow(events, options), relist(options, either)]);
    } catch (error) {
      if (signal.aborted) return;
      if (failures++ === 0) log.warn('the container engine does not answer', { error: messageOf(error) });
      options.onSilence(messageOf(error));
    } finally {
      ended.abort(new Error('the watch has ended'));
    }
    await sleep(clock, backoffMs(backoff, failures, random), signal).catch(() => {});
  }
}

async function follow(events: AsyncIterable<ContainerEvent>, options: EngineWatchOptions): Promise<void> {
  for await (const event of events) options.onEvent(event);
}

async function relist(options: EngineWatchOptions, signal: AbortSignal): Promise<void> {
  for (;;) {
    await sleep(options.clock, options.relistMs, signal);
    options.onList(await options.driver.list(options.owner, signal));
  }
}
