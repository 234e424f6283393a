import { InvalidError } from '../base/errors';
import { isServiceName, quote } from './names';

const MAX_UINT32 = 2 ** 32 - 1;
const full = /^(.+)-([1-9][0-9]{0,9})-([1-9][0-9]{0,9})$/;
const short = /^(.+)\.([1-9][0-9]{0,9})$/;

/** What an instance's name says. */
export interface InstanceRef {
  readonly process: string;
  readonly ordinal: number;
  /** Absent in `web.1`, which stands for the newest holder of the ordinal. */
  readonly incarnation?: number;
}

/** Reads `web-1-1` (an object's name) and `web.1` (what people say); undefined for anything else. */
export function instanceRef(text: string): InstanceRef | undefined {
  const [, process, ordinal, incarnation] = full.exec(text) ?? short.exec(text) ?? [];
  if (process === undefined || !isServiceName(process)) return undefined;
  const numbers = [ordinal, incarnation].filter((digits) => digits !== undefined).map(Number);
  if (numbers.some((number) => number > MAX_UINT32)) return undefined;
  const ref = { process, ordinal: Number(ordinal) };
  return incarnation === undefined ? ref : { ...ref, incarnation: Number(incarnation) };
}

/** As instanceRef; throws InvalidError instead. */
export function parseInstanceRef(text: string, field = 'name'): InstanceRef {
  const ref = instanceRef(text);
  if (ref) return ref;
  const description = `instance ${quote(text)} is not of the form web.1: see gilliam ps`;
  throw new InvalidError(description, [{ field, description }]);
}

/** Whose logs, and the like: `web` for all instances of a process, `web.1` or `web-1-1` for one. Throws InvalidError. */
export function parseSource(text: string, field = 'sources'): Partial<InstanceRef> & { process: string } {
  // `web-1-1` may also be a process by that name: a label. An instance is meant, as everywhere.
  const ref = instanceRef(text);
  if (ref) return ref;
  if (isServiceName(text)) return { process: text };
  const description = `${quote(text)} is neither a process (web) nor an instance (web.1): see gilliam ps`;
  throw new InvalidError(description, [{ field, description }]);
}
