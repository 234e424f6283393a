import type { FieldViolation } from '../base/errors';
import { InvalidError } from '../base/errors';
import { formatCount } from './quantity';

/** Collects all that is wrong with a request, so that a user need not find it out piece by piece. */
export class Violations {
  readonly #found: FieldViolation[] = [];

  /** `description` stands alone as an error: what is wrong, why, what to do. One line. */
  add(field: string, description: string): void {
    this.#found.push({ field, description });
  }

  /** Adds the violation unless `sound`; returns `sound`. */
  require(sound: boolean, field: string, description: () => string): boolean {
    if (!sound) this.add(field, description());
    return sound;
  }

  /** Requires an integer from `least` to `most`. */
  range(
    value: number | bigint,
    bounds: { readonly least: number | bigint; readonly most: number | bigint },
    field: string,
    describe: { readonly what: string; readonly show?: (bound: number) => string },
  ): void {
    const whole = typeof value === 'bigint' || Number.isInteger(value);
    if (whole && value >= bounds.least && value <= bounds.most) return;
    const show = describe.show ?? formatCount;
    this.add(
      field,
      `${describe.what} is ${show(Number(value))}: it must be from ${show(Number(bounds.least))} to ${show(Number(bounds.most))}`,
    );
  }

  /** One InvalidError for all violations; its message is the first one. */
  throwIfAny(): void {
    const [first, ...rest] = this.#found;
    if (!first) return;
    const message =
      rest.length === 0
        ? first.description
        : `${first.description} (and ${rest.length} more ${rest.length === 1 ? 'fault' : 'faults'}: ${named(rest)})`;
    throw new InvalidError(message, [...this.#found]);
  }
}

function named(violations: readonly FieldViolation[]): string {
  const fields = [...new Set(violations.map(({ field }) => field))];
  return fields.length > 3 ? `${fields.slice(0, 3).join(', ')}, …` : fields.join(', ');
}
