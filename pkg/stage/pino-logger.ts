import pino from 'pino';
import type { Logger } from '../base/log';

type Fields = Readonly<Record<string, unknown>>;

/** Logs JSON lines on standard output, at once: the last line before a crash matters most. */
export function pinoLogger(
  level: string,
  bound: Fields = {},
): Logger & { fatal(message: string, fields?: Fields): void } {
  const options = { level, base: bound, timestamp: pino.stdTimeFunctions.isoTime, serializers: {} };
  return adapt(pino(options, pino.destination({ dest: 1, sync: true })));
}

function adapt(logger: pino.Logger): Logger & { fatal(message: string, fields?: Fields): void } {
  return {
    debug: (message, fields) => logger.debug(plain(fields), message),
    info: (message, fields) => logger.info(plain(fields), message),
    warn: (message, fields) => logger.warn(plain(fields), message),
    error: (message, fields) => logger.error(plain(fields), message),
    fatal: (message, fields) => logger.fatal(plain(fields), message),
    child: (fields) => adapt(logger.child(plain(fields))),
  };
}

/** Fields as JSON can hold them: errors as their message and stack, large integers as text. */
function plain(fields: Fields = {}): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => {
      if (typeof value === 'bigint') return [name, value.toString()];
      if (value instanceof Error) return [name, value.stack ?? value.message];
      return [name, value];
    }),
  );
}
