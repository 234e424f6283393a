import { compareReleaseNames } from './release-name';

/** A release, and how much of it there was. */
export interface Running {
  readonly name: string;
  /** Process → factor. */
  readonly factors: Readonly<Record<string, number>>;
}

/** Of releases that ran side by side the one that stands for all: with the most instances, of equals the newest. */
export function foremost(running: readonly Running[]): string | undefined {
  return running.toSorted(compareForemost)[0]?.name;
}

/** The foremost first. */
export function compareForemost(left: Running, right: Running): number {
  return instancesOf(right) - instancesOf(left) || compareReleaseNames(right.name, left.name);
}

function instancesOf({ factors }: Running): number {
  return Object.values(factors).reduce((sum, factor) => sum + factor, 0);
}
