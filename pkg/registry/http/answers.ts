import type { IncomingMessage, ServerResponse } from 'node:http';
import type { GilliamError } from '../../base/errors';
import { GilliamError as GilliamErrorClass, InvalidError } from '../../base/errors';

/** HTTP's words for what went wrong. */
const statusByCode: Readonly<Record<string, number>> = {
  INVALID_ARGUMENT: 400,
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  ABORTED: 409,
  FAILED_PRECONDITION: 409,
  RESOURCE_EXHAUSTED: 429,
  UNAVAILABLE: 503,
  DEADLINE_EXCEEDED: 504,
};

/** An answer that HTTP has a status of its own for. */
export class HttpError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }
}

export function isGilliamError(error: unknown): error is GilliamError {
  return error instanceof GilliamErrorClass;
}

export function statusOfError(error: unknown): number {
  if (error instanceof HttpError) return error.status;
  return isGilliamError(error) ? (statusByCode[error.code] ?? 500) : 500;
}

export interface AnswerOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly pretty?: boolean;
}

/** JSON on one line, or for people. */
export function answerJson(
  response: ServerResponse,
  status: number,
  value: unknown,
  options: AnswerOptions = {},
): void {
  const text = options.pretty ? `${JSON.stringify(value, null, 2)}\n` : JSON.stringify(value);
  answerText(response, status, text, options.headers);
}

/** JSON that is text already. */
export function answerText(
  response: ServerResponse,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    ...headers,
  });
  response.end(text);
}

export function answerEmpty(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, headers);
  response.end();
}

/** The body as JSON. Throws HttpError or InvalidError. */
export async function readJson(request: IncomingMessage, maxBytes: number): Promise<unknown> {
  const text = await readBody(request, maxBytes);
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new InvalidError('the body is not JSON', [], { cause: error });
  }
}

function readBody(request: IncomingMessage, maxBytes: number): Promise<string> {
  const tooLarge = () =>
    new HttpError(413, `the body has more than ${maxBytes} bytes, which is all that is taken here`, {
      connection: 'close',
    });
  return new Promise((resolve, reject) => {
    if (Number(request.headers['content-length'] ?? 0) > maxBytes) return reject(tooLarge());
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > maxBytes) {
        request.pause();
        reject(tooLarge());
      } else chunks.push(chunk);
    });
    request.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    request.on('error', reject);
    request.on('close', () => reject(new InvalidError('the body was cut off')));
  });
}
