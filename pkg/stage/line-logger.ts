import type { Clock } from '../base/clock';
import type { Logger } from '../base/log';

type Fields = Readonly<Record<string, unknown>>;

const levels = { debug: 20, info: 30, warn: 40, error: 50 } as const;

/** Writes lines as pino does, without pino: the supervisor is to stay small. */
export function lineLogger(write: (line: string) => void, clock: Clock, bound: Fields = {}): Logger {
  const line = (level: keyof typeof levels) => (message: string, fields?: Fields) =>
    write(
      `${JSON.stringify({ level: levels[level], time: new Date(clock.now()).toISOString(), ...bound, ...fields, msg: message })}\n`,
    );
  return {
    debug: () => {},
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    child: (fields) => lineLogger(write, clock, { ...bound, ...fields }),
  };
}
