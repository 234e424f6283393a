import { StringDecoder } from 'node:string_decoder';

/** The longest line that is waited for; the engine's are a few kilobytes. */
const MAX_LINE_LENGTH = 4 * 1024 ** 2;

/** The JSON values of a stream, one a line. Lines that are not JSON, as a stream cut off ends with, are left out. */
export async function* jsonLines<T>(chunks: AsyncIterable<Uint8Array | string>): AsyncIterable<T> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for await (const chunk of chunks) {
    const lines = (rest + (typeof chunk === 'string' ? chunk : decoder.write(Buffer.from(chunk)))).split(
      '\n',
    );
    rest = lines.pop() ?? '';
    if (rest.length > MAX_LINE_LENGTH) rest = '';
    for (const line of lines) yield* parsed<T>(line);
  }
  yield* parsed<T>(rest + decoder.end());
}

function* parsed<T>(line: string): Iterable<T> {
  if (line.trim() === '') return;
  try {
    yield JSON.parse(line) as T;
  } catch {
    return;
  }
}
