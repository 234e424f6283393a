import type { DialError } from './dialer';
import { Refusal } from './refusal';

/** What the caller is told of a place that could not be connected to. */
export function dialRefusal(error: DialError, host: string): Refusal {
  const isNamed = error.message.startsWith(host) || error.message.includes(`"${host}"`);
  const message = isNamed ? error.message : `${host}: ${error.message}`;
  switch (error.kind) {
    case 'absent':
    case 'unreachable':
      return new Refusal(502, message, { cause: error });
    case 'late':
      return new Refusal(504, message, { cause: error });
    case 'forbidden':
      return new Refusal(403, message, { cause: error });
    case 'loop':
      return new Refusal(508, message, { cause: error });
  }
}
