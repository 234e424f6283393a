import type { LogEntry } from '../driver';

/** What one message holds at most. */
const maxBytes = 256 * 1024;
const maxLines = 4096;

/** The lines in pieces that fit a message. */
export function* inBatches(entries: readonly LogEntry[]): Generator<readonly LogEntry[]> {
  let from = 0;
  let bytes = 0;
  for (let at = 0; at < entries.length; at++) {
    const { length } = (entries[at] as LogEntry).line;
    if (at > from && (bytes + length > maxBytes || at - from >= maxLines)) {
      yield entries.slice(from, at);
      from = at;
      bytes = 0;
    }
    bytes += length;
  }
  if (from < entries.length) yield from === 0 ? entries : entries.slice(from);
}
