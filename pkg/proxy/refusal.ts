/** A request that the proxy answers by itself. The message is one line: what, why, and what to do where that helps. */
export class Refusal extends Error {
  readonly retryAfterSeconds: number | undefined;

  constructor(
    readonly status: number,
    message: string,
    options: { readonly retryAfterSeconds?: number; readonly cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = 'Refusal';
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** What the caller is told of an error, foreseen or not. */
export function refusalFor(error: unknown): Refusal {
  return error instanceof Refusal ? error : new Refusal(500, 'the proxy failed', { cause: error });
}

const reasons: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  408: 'Request Timeout',
  414: 'URI Too Long',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  505: 'HTTP Version Not Supported',
  508: 'Loop Detected',
};

/** The answer's bytes. The reason stands in `gilliam-error` too, for those who see an answer without its body. */
export function refusalResponse(refusal: Refusal, how: { head: boolean; close: boolean }): string {
  const reason = refusal.message.replace(/[^\x20-\x7e]+/g, '?').slice(0, 500);
  const lines = [
    `HTTP/1.1 ${refusal.status} ${reasons[refusal.status] ?? 'Error'}`,
    `gilliam-error: ${reason}`,
    'content-type: text/plain; charset=utf-8',
    'cache-control: no-store',
    `content-length: ${reason.length + 1}`,
    ...(refusal.retryAfterSeconds === undefined ? [] : [`retry-after: ${refusal.retryAfterSeconds}`]),
    ...(how.close ? ['connection: close'] : []),
  ];
  return `${lines.join('\r\n')}\r\n\r\n${how.head ? '' : `${reason}\n`}`;
}
