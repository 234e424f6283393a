/** By which HAProxy says what it wants of a request that it has no instance or no route for. */
export const holdHeader = 'x-gilliam-hold';
export const unknownHeader = 'x-gilliam-unknown';

/** HAProxy passes on no longer one. */
const maxHeadBytes = 64 << 10;
const headEnd = Buffer.from('\r\n\r\n');

/** A request as it has come so far: its head, and perhaps a piece of its body. */
export interface HeldRequest {
  readonly method: string;
  readonly path: string;
  readonly host: string;
  /** The service that it is for: `web.shop.service`. */
  readonly service?: string;
  /** There is no route for it: why. */
  readonly unknown?: string;
  /** As it is passed on, with what has come of the body. */
  readonly bytes: Buffer;
}

/** Undefined while the head is not complete. Throws for what HAProxy would not send. */
export function readHeld(bytes: Buffer): HeldRequest | undefined {
  const end = bytes.indexOf(headEnd);
  if (end > maxHeadBytes || (end < 0 && bytes.length > maxHeadBytes)) throw new Error('the head is too long');
  if (end < 0) return undefined;
  const [start = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
  const [method, path, version] = start.split(' ');
  if (!method || !path || version !== 'HTTP/1.1') throw new Error('this is no request');
  const fields = lines.map((line) => ({ line, name: line.slice(0, line.indexOf(':')).toLowerCase() }));
  const of = (wanted: string) => {
    const found = fields.find(({ name }) => name === wanted)?.line;
    return found?.slice(found.indexOf(':') + 1).trim();
  };
  const service = of(holdHeader);
  const upgrade = of('upgrade') !== undefined;
  const kept = fields.filter(({ name }) => {
    return name !== holdHeader && name !== unknownHeader && (upgrade || name !== 'connection');
  });
  // The next request on this connection is for HAProxy to send where it belongs.
  const closing = upgrade ? [] : ['connection: close'];
  const head = [start, ...kept.map(({ line }) => line), ...closing].join('\r\n');
  return {
    ...{ method, path, host: of('host') ?? '' },
    service,
    // A client may say that, too: HAProxy says only one of them.
    unknown: service === undefined ? of(unknownHeader) : undefined,
    bytes: Buffer.concat([Buffer.from(head, 'latin1'), bytes.subarray(end)]),
  };
}

/** An answer of our own, in the router's form. */
export function ownAnswer(
  status: '404 Not Found' | '503 Service Unavailable',
  reason: string,
  { head = false } = {},
): string {
  const body = `${status.slice(0, 3)}: ${reason}\n`;
  const retry = status.startsWith('503') ? ['retry-after: 1'] : [];
  const lines = [
    `HTTP/1.1 ${status}`,
    'content-type: text/plain',
    ...retry,
    `x-gilliam-reason: ${reason.replace(/[^\x20-\x7e]/g, '?')}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  return `${lines.join('\r\n')}\r\n\r\n${head ? '' : body}`;
}
