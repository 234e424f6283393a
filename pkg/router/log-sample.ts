import { open } from 'node:fs/promises';
import type { TrafficKey } from '../metrics/traffic-counters';

/** How long one request took, and whose answer it was. */
export interface Sampled {
  readonly key: TrafficKey;
  readonly durationMs: number;
}

/** Some two hundred requests: enough for percentiles, and nothing to read next to what a busy router writes. */
const maxBytes = 64 << 10;
/** The end of a line as the router writes it: see accessLogFormat. */
const answered =
  /"instance":"[^".]+\.([^".]+)\.([^".]+)","release":"([^"]*)","status":[0-9]+,.*"ms":([0-9]+),/;

/** Reads the access log's newest lines: those since the last look, or as many of them as are worth the while. */
export class LogSample {
  /** Where the last look ended. */
  #position: number | undefined;

  constructor(private readonly path: string) {}

  async read(): Promise<Sampled[]> {
    const file = await open(this.path).catch(() => undefined);
    if (!file) {
      // What is not there yet is new from its first line on.
      this.#position = 0;
      return [];
    }
    try {
      const { size } = await file.stat();
      // Cut meanwhile: begun anew.
      const since = this.#position === undefined ? size : this.#position > size ? 0 : this.#position;
      const from = Math.max(since, size - maxBytes);
      this.#position = size;
      const buffer = Buffer.alloc(size - from);
      const { bytesRead } = await file.read(buffer, 0, buffer.length, from);
      const lines = buffer.toString('latin1', 0, bytesRead).split('\n');
      // Both ends may be in the middle of a line.
      if (from > since) lines.shift();
      const rest = lines.pop() ?? '';
      this.#position -= rest.length;
      return lines.flatMap(sampledOf);
    } finally {
      await file.close();
    }
  }
}

function sampledOf(line: string): Sampled[] {
  const [, service, formation, release, ms] = answered.exec(line) ?? [];
  if (service === undefined || formation === undefined || release === undefined) return [];
  return [{ key: { service, formation, release: release === '-' ? '' : release }, durationMs: Number(ms) }];
}
