import type { LogEntry } from '../driver';

/** Stream (1 byte), time (8), length of the line (4), then the line. */
const headerBytes = 13;
/** A length beyond it is no length: lines are cut at 64 KiB. */
const maxLineBytes = 1024 * 1024;

export function encodeRecords(entries: readonly LogEntry[]): Buffer {
  const bytes = entries.reduce((sum, { line }) => sum + headerBytes + line.length, 0);
  const out = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (const { stream, timeNs, line } of entries) {
    out[at] = stream === 'stderr' ? 2 : 1;
    out.writeBigInt64BE(timeNs, at + 1);
    out.writeUInt32BE(line.length, at + 9);
    line.copy(out, at + headerBytes);
    at += headerBytes + line.length;
  }
  return out;
}

/** Takes records apart as they come. One that was not written to its end is left out, as is what follows damage. */
export async function* decodeRecords(chunks: AsyncIterable<Buffer>): AsyncGenerator<readonly LogEntry[]> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const entries: LogEntry[] = [];
    let at = 0;
    while (rest.length - at >= headerBytes) {
      const length = rest.readUInt32BE(at + 9);
      if (length > maxLineBytes) {
        if (entries.length > 0) yield entries;
        return;
      }
      const end = at + headerBytes + length;
      if (end > rest.length) break;
      entries.push({
        stream: rest[at] === 2 ? 'stderr' : 'stdout',
        timeNs: rest.readBigInt64BE(at + 1),
        line: rest.subarray(at + headerBytes, end),
      });
      at = end;
    }
    rest = rest.subarray(at);
    if (entries.length > 0) yield entries;
  }
}
