import { cpus, totalmem } from 'node:os';

/** One figure of a benchmark: printed as one line of JSON. */
export interface Figure {
  readonly bench: string;
  readonly figure: string;
  readonly value: number;
  readonly unit: string;
  /** What `value` was compared with in the same run. */
  readonly peer?: { readonly name: string; readonly value: number };
  /** `value` divided by the peer's; below 1 is better than the peer where small is good. */
  readonly ratio?: number;
  /** What is aimed at: `ratio <= 1.3`. */
  readonly target?: string;
  readonly samples?: number;
}

const machine = `${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}`;

export function print(figure: Figure): void {
  process.stdout.write(
    `${JSON.stringify({ ...figure, value: round(figure.value), ...peerOf(figure), machine })}\n`,
  );
}

function peerOf({ value, peer, ratio }: Figure): Partial<Figure> {
  if (!peer) return ratio === undefined ? {} : { ratio: round(ratio) };
  return { peer: { ...peer, value: round(peer.value) }, ratio: round(ratio ?? value / peer.value) };
}

function round(value: number): number {
  return value >= 1000 ? Math.round(value) : Number(value.toPrecision(3));
}

/** The `share` quantile, 0 to 1, by the nearest rank. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const index = Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1));
  const found = sorted[index];
  if (found === undefined) throw new Error('no samples');
  return found;
}

export const median = (samples: readonly number[]): number => quantile(samples, 0.5);

export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
