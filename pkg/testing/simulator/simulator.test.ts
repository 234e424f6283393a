import { simulate, storyLength } from './report';

const seedOr = (value: string | undefined, otherwise: number) => Number(value || otherwise);

/** SEED replays one seed, COUNT runs so many from there on, LENGTH makes their stories longer. */
const { SEED, COUNT, LENGTH } = process.env;
const first = seedOr(SEED, 1);
const count = seedOr(COUNT, SEED ? 1 : 10);
const length = seedOr(LENGTH, storyLength);

describe('simulator', () => {
  test(
    `invariants 1 to 11: whole stages under faults, seeds ${first} to ${first + count - 1}`,
    async () => {
      for (let seed = first; seed < first + count; seed++) {
        // The invariant that was violated, with the story and its trace.
        expect(await simulate(seed, length)).toBeUndefined();
      }
    },
    60_000 + count * 30_000,
  );
});
