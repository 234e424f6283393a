import type { FieldViolation } from '../base/errors';
import { InvalidError } from '../base/errors';
import type { Document } from './document';
import type { Path } from './path';
import { formatPath } from './path';

/** The most faults of one file that are told. */
const MAX_FAULTS = 50;

/** Collects what is wrong with a file, each with its place. */
export class Faults {
  readonly #found: FieldViolation[] = [];

  constructor(private readonly document: Pick<Document, 'locate'>) {}

  /** `what` follows the path: `is no key`. With `column`, the place is that character of the value. */
  add(path: Path, what: string, column?: number): void {
    const field = formatPath(path);
    const begin = field === '' ? 'the file ' : `${field} `;
    this.say(path, `${begin}${what}`, column);
  }

  /** As they stand in the file: a person mends it from the top. */
  get all(): readonly FieldViolation[] {
    return this.#found.toSorted((a, b) => placeOf(a) - placeOf(b));
  }

  /** As `add`, of a sentence that says itself what it is about. */
  say(path: Path, description: string, column?: number): void {
    if (this.#found.length >= MAX_FAULTS) return;
    const place = this.document.locate(path, column);
    this.#found.push({ field: formatPath(path), description: `${place}: ${description}` });
  }

  get any(): boolean {
    return this.#found.length > 0;
  }

  /** One InvalidError for all; its message is the first one. */
  throwIfAny(): void {
    const sorted = this.all;
    const [first, ...rest] = sorted;
    if (!first) return;
    const more =
      rest.length === 0 ? '' : ` (and ${rest.length} more ${rest.length === 1 ? 'fault' : 'faults'})`;
    throw new InvalidError(first.description + more, sorted);
  }
}

/** Line and column as one number. */
function placeOf({ description }: FieldViolation): number {
  const [, line = '0', column = '0'] = /:(\d+):(\d+): /.exec(description) ?? [];
  return Number(line) * 2 ** 20 + Number(column);
}
