import { createHash } from 'node:crypto';
import { PreconditionError } from '../base/errors';

/** 198.18.0.0/15 is for benchmarks of networks (RFC 2544): nobody routes it. It holds 32 ranges of 4,096 addresses. */
const rangeCount = 32;
const size = 4_096;
/** 198.18.0.0 as a number. */
const base = 0xc6_12_00_00;

/**
 * The range of a stage's virtual IPs: at the hash of its key, or the next one where others have that. Stages on one
 * machine must not share one, as the kernel would translate addresses of the one by rules of the other.
 */
export function pickVirtualRange(stageKey: string, taken: ReadonlySet<string>): string {
  const first = createHash('sha256').update(stageKey).digest().readUInt32BE(0) % rangeCount;
  for (let step = 0; step < rangeCount; step++) {
    const range = rangeOf((first + step) % rangeCount);
    if (!taken.has(range)) return range;
  }
  throw new PreconditionError(
    `all ${rangeCount} ranges of virtual IPs of this machine are taken: forget a stage with "gilliam down --forget --stage NAME", or take away what killed ones have left, as docs/operating.md says`,
  );
}

/** The ranges that addresses in the text, such as a list of nftables rules, belong to. */
export function rangesIn(text: string): string[] {
  const found = [...text.matchAll(/\b198\.(1[89])\.(\d{1,3})\.\d{1,3}\b/g)].map(([, second, third]) =>
    rangeOf((Number(second) - 18) * 16 + Math.floor(Number(third) / 16)),
  );
  return [...new Set(found)];
}

/** Those that have an address between two, both within and as numbers. */
export function rangesBetween(first: number, last: number): string[] {
  const from = Math.max(0, Math.floor((first - base) / size));
  const to = Math.min(rangeCount - 1, Math.floor((last - base) / size));
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, step) => rangeOf(from + step));
}

function rangeOf(index: number): string {
  return `198.${18 + Math.floor(index / 16)}.${(index % 16) * 16}.0/20`;
}
