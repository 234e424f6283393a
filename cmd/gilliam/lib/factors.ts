import { isServiceName } from '../../../pkg/resource/names';
import { releaseNumber } from '../../../pkg/resource/release-name';
import { UsageError } from './errors';

/** What `gilliam scale` is asked for. */
export interface ScaleArguments {
  /** Absent for the newest. */
  readonly release?: string;
  /** Process → wished number of instances; empty to look only. */
  readonly factors: ReadonlyMap<string, number>;
}

/** Reads `v2 web=2 worker=4`. Throws UsageError. */
export function parseScaleArguments(words: readonly string[]): ScaleArguments {
  const [first] = words;
  const release = first !== undefined && releaseNumber(first) !== undefined ? first : undefined;
  const factors = new Map<string, number>();
  for (const word of release ? words.slice(1) : words) {
    const [process, factor] = parseFactor(word);
    if (factors.has(process))
      throw new UsageError(`${process} is given twice: gilliam scale ${process}=${factor}`);
    factors.set(process, factor);
  }
  return { release, factors };
}

function parseFactor(word: string): [string, number] {
  const at = word.indexOf('=');
  const process = word.slice(0, at);
  if (at === -1 || !isServiceName(process)) {
    throw new UsageError(
      `${JSON.stringify(word)} is neither a release nor a scale factor: gilliam scale [v2] web=2 worker=4`,
    );
  }
  const digits = word.slice(at + 1);
  if (!/^\d{1,9}$/.test(digits)) {
    throw new UsageError(
      `${process}=${digits} is not a scale factor: it is a whole number from 0, as in ${process}=2`,
    );
  }
  return [process, Number(digits)];
}

/** `web=2 worker=4`: web first, as it is what people look for, then by name. */
export function formatFactors(factors: ReadonlyMap<string, number>): string {
  return [...factors]
    .sort(([left], [right]) => compareProcesses(left, right))
    .map(([process, factor]) => `${process}=${factor}`)
    .join(' ');
}

export function compareProcesses(left: string, right: string): number {
  if (left === right) return 0;
  if (left === 'web' || right === 'web') return left === 'web' ? -1 : 1;
  return left < right ? -1 : 1;
}
