import { InvalidError } from '../base/errors';
import { quote } from './names';

const MAX_RELEASE = 2 ** 32 - 1;
const form = /^v([1-9][0-9]{0,9})$/;

/** `v2` */
export function releaseName(number: number): string {
  return `v${number}`;
}

/** 2 of `v2`; undefined for what is not the name of a release. */
export function releaseNumber(name: string): number | undefined {
  const digits = form.exec(name)?.[1];
  if (digits === undefined) return undefined;
  const number = Number(digits);
  return number <= MAX_RELEASE ? number : undefined;
}

/** As releaseNumber; throws InvalidError instead. */
export function parseReleaseName(name: string, field = 'name'): number {
  const number = releaseNumber(name);
  if (number !== undefined) return number;
  const description = `release ${quote(name)} is not of the form v1, v2, …: see gilliam releases`;
  throw new InvalidError(description, [{ field, description }]);
}

/** Older releases first. */
export function compareReleaseNames(left: string, right: string): number {
  return (releaseNumber(left) ?? 0) - (releaseNumber(right) ?? 0);
}
