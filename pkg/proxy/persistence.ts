import { listOf, type RequestHead, type ResponseHead } from './head';

/** A server closes its unused connections a little before or after it has said: by so much earlier we do. */
const hintMarginMs = 1_000;

/** Whether the caller's connection ends with the response to this. */
export function endsWithResponse(head: RequestHead): boolean {
  // What keeps a connection of HTTP/1.0 alive is not understood by all who stand between (RFC 9112, section 9.3).
  return head.minor === 0 || listOf(head.fields, 'connection').includes('close');
}

/** Whether the endpoint keeps its connection for another request. */
export function staysOpen({ minor, fields }: ResponseHead): boolean {
  const connection = listOf(fields, 'connection');
  return minor === 1 ? !connection.includes('close') : connection.includes('keep-alive');
}

/** How long the endpoint keeps it when it is not used, as far as it says so. */
export function keptForMs(head: ResponseHead): number | undefined {
  const hint = head.fields.find(({ key }) => key === 'keep-alive')?.value;
  const seconds = hint && /(?:^|[,\s])timeout=(\d{1,6})/i.exec(hint)?.[1];
  return seconds ? Number(seconds) * 1_000 - hintMarginMs : undefined;
}
