const maxOutputBytes = 4 * 1024;

/** The text of a multiplexed stream, up to a bound; the rest is read and dropped, so that the command can end. */
export async function readOutput(chunks: AsyncIterable<Buffer>): Promise<string> {
  let rest: Buffer = Buffer.alloc(0);
  const texts: Buffer[] = [];
  let kept = 0;
  for await (const chunk of chunks) {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 8 && rest.length >= 8 + rest.readUInt32BE(4)) {
      const end = 8 + rest.readUInt32BE(4);
      const text = rest.subarray(8, Math.min(end, 8 + maxOutputBytes - kept));
      if (text.length > 0) texts.push(text);
      kept += text.length;
      rest = rest.subarray(end);
    }
  }
  return Buffer.concat(texts).toString('utf8');
}
