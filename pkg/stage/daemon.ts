import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, SystemClock } from '../base/clock';
import { InvalidError, messageOf } from '../base/errors';
import type { Logger } from '../base/log';
import { type Random, SystemRandom } from '../base/random';
import { packageRoot } from './package-root';
import { pinoLogger } from './pino-logger';

/** What every daemon's wiring starts from. */
export interface Daemon {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Gilliam's. */
  readonly version: string;
  /** Aborted by SIGTERM and SIGINT. */
  readonly signal: AbortSignal;
  /** The value of an environment variable; without a default, it has to be there. */
  readonly setting: (name: string, otherwise?: string) => string;
}

/**
 * Runs a daemon to its end. Exits with 0 when it was asked to end, with 1 after anything that nobody has caught: its
 * supervisor starts it again, from a state that is known.
 */
export function runDaemon(name: string, main: (daemon: Daemon) => Promise<void>): void {
  const log = pinoLogger(process.env.GILLIAM_LOG_LEVEL ?? 'info', { component: name });
  const ended = new AbortController();
  const fail = (what: string) => (error: unknown) => {
    log.fatal(what, { error: messageOf(error), stack: error instanceof Error ? error.stack : undefined });
    process.exit(1);
  };
  process.on('uncaughtException', fail('uncaught exception'));
  process.on('unhandledRejection', fail('unhandled rejection'));
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.on(signal, () => ended.abort(new Error(signal)));

  const { version } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as {
    version: string;
  };
  log.info('started', { version, node: process.version, pid: process.pid });
  const daemon = {
    clock: new SystemClock(),
    random: new SystemRandom(),
    log,
    version,
    signal: ended.signal,
    setting,
  };
  main(daemon).then(
    () => {
      log.info('ended');
      process.exit(0);
    },
    (error: unknown) => fail(ended.signal.aborted ? 'failed to end' : 'cannot go on')(error),
  );
}

function setting(name: string, otherwise?: string): string {
  const value = process.env[name] || otherwise;
  if (value === undefined) throw new InvalidError(`the environment variable ${name} is missing`);
  return value;
}
