import type { Field, RequestHead, ResponseHead } from './head';
import { Refusal } from './refusal';

/** How the end of a body is known (RFC 9112, section 6.3). */
export type Framing =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly bytes: number }
  | { readonly kind: 'chunked' }
  /** It ends when the connection does. Of responses only. */
  | { readonly kind: 'close' };

export const noBody: Framing = { kind: 'none' };

/** @throws {Refusal} 400 or 501 where two readers could see two ends */
export function requestFraming(head: RequestHead): Framing {
  const framing = declared(head, 400, 'request');
  return framing ?? noBody;
}

/** @throws {Refusal} 502 where two readers could see two ends */
export function responseFraming(head: ResponseHead, method: string): Framing {
  const framing = declared(head, 502, 'response');
  if (method === 'HEAD' || head.status < 200 || head.status === 204 || head.status === 304) return noBody;
  return framing ?? { kind: 'close' };
}

function declared(
  head: { readonly minor: 0 | 1; readonly fields: readonly Field[] },
  status: number,
  what: string,
): Framing | undefined {
  let length: string | undefined;
  let coding: string | undefined;
  for (const { key, value } of head.fields) {
    if (key === 'content-length') {
      if (length !== undefined) throw new Refusal(status, `the ${what} has more than one Content-Length`);
      length = value;
    } else if (key === 'transfer-encoding') {
      if (coding !== undefined) throw new Refusal(status, `the ${what} has more than one Transfer-Encoding`);
      coding = value;
    }
  }
  if (coding !== undefined) {
    if (length !== undefined) {
      throw new Refusal(status, `the ${what} has both Content-Length and Transfer-Encoding: send one`);
    }
    if (head.minor === 0) throw new Refusal(status, `the ${what} is HTTP/1.0 and has a Transfer-Encoding`);
    if (coding.toLowerCase() !== 'chunked') {
      throw new Refusal(
        status === 400 ? 501 : status,
        `the ${what} has a Transfer-Encoding other than chunked`,
      );
    }
    return { kind: 'chunked' };
  }
  if (length === undefined) return undefined;
  if (!/^\d{1,15}$/.test(length))
    throw new Refusal(status, `the ${what} has a Content-Length that is no number`);
  return { kind: 'length', bytes: Number(length) };
}
