import type { LogLine } from '../../../pkg/gen/gilliam/v1/log_service';
import { lastMoment, linesOf, type LogBatch } from '../../../pkg/resource/log-chunk';

interface Place {
  /** Of the last line. */
  timeMs: number;
  /** How many of the last lines have that time. */
  count: number;
  /** How many of those are still to come once more. */
  again: number;
  /** Reading has begun anew, and not come to what is new. */
  behind: boolean;
}

/**
 * How far each container's lines were read, so that reading can begin anew where it broke off: no line is missing, and none
 * comes twice.
 */
export class LogCursor {
  readonly #places = new Map<string, Place>();
  readonly #startMs: number;
  #anew = false;

  /** @param startMs when reading began: what others than those seen have printed before is of no interest */
  constructor(startMs: number) {
    this.#startMs = startMs;
  }

  /** Reading begins anew: the time from which on lines are to be asked for. */
  resume(): Date {
    this.#anew = true;
    let fromMs = this.#startMs;
    for (const place of this.#places.values()) {
      place.again = place.count;
      place.behind = true;
      fromMs = Math.min(fromMs, place.timeMs);
    }
    return new Date(fromMs);
  }

  /** What is new of it. */
  fresh(batch: LogBatch): LogBatch {
    const { chunk } = batch;
    const place = chunk && this.#places.get(keyOf(chunk));
    if (chunk && (place ? !place.behind : !this.#anew)) {
      const { timeMs, count } = lastMoment(chunk);
      const goesOn = timeMs === place?.timeMs && count === chunk.lengths.length;
      this.#places.set(keyOf(chunk), {
        ...{ timeMs, count: goesOn ? place.count + count : count },
        ...{ again: 0, behind: false },
      });
      return batch;
    }
    return { lines: linesOf(batch).filter((line) => this.#isNew(line)) };
  }

  #isNew(line: LogLine): boolean {
    const { time } = line;
    // What is said in place of lines is said when it is.
    if (!time) return true;
    const key = keyOf(line);
    const timeMs = time.getTime();
    const place = this.#places.get(key);
    if (!place) {
      if (this.#anew && timeMs < this.#startMs) return false;
      this.#places.set(key, { timeMs, count: 1, again: 0, behind: false });
      return true;
    }
    if (place.behind) {
      if (timeMs < place.timeMs) return false;
      if (timeMs === place.timeMs && place.again > 0) {
        place.again--;
        return false;
      }
      place.behind = false;
    }
    place.count = timeMs === place.timeMs ? place.count + 1 : 1;
    place.timeMs = timeMs;
    return true;
  }
}

/**
 * What prints in order. An instance that was restarted has had several containers, and what those printed that are gone is
 * read beside what the living one prints; so is what another one of its name has printed.
 */
function keyOf({ instance, release, container = '' }: Printed): string {
  return `${instance} ${release} ${container}`;
}

type Printed = Pick<LogLine, 'instance' | 'release' | 'container'>;
