import { run } from './run';
import type { Outcome } from './run';
import type { Action } from './scenario';
import { scenarioOf } from './scenario';
import { shrink } from './shrink';

/** Actions of a story, beside those that it begins with. */
export const storyLength = 25;

/** Lines of the trace that are shown: what led to the violation. */
const shownLines = 80;

/** Lives the story of a seed, and says what was wrong with it; undefined when nothing was. */
export async function simulate(seed: number, length = storyLength): Promise<string | undefined> {
  const actions = scenarioOf(seed, length);
  const outcome = await run(seed, actions);
  return outcome.violation && explain(seed, length, await shortest(seed, actions, outcome));
}

interface Story {
  readonly actions: readonly Action[];
  readonly outcome: Outcome;
}

/** The shortest story with the same violation that is found in reasonable time. */
async function shortest(seed: number, all: readonly Action[], outcome: Outcome): Promise<Story> {
  const { violation, endedMs } = outcome;
  // The last try that failed is the one that was kept.
  let best: Story = { actions: all, outcome };
  const fails = async (actions: readonly Action[]) => {
    const tried = await run(seed, actions);
    if (tried.violation?.invariant !== violation?.invariant) return false;
    best = { actions, outcome: tried };
    return true;
  };
  await shrink(
    all.filter(({ atMs }) => atMs <= endedMs),
    fails,
  );
  return best;
}

function explain(seed: number, length: number, { actions, outcome }: Story): string {
  const { violation, lines } = outcome;
  const again = `SEED=${seed}${length === storyLength ? '' : ` LENGTH=${length}`}`;
  const left = Math.max(0, lines.length - shownLines);
  return [
    `invariant ${violation?.invariant}: ${violation?.what}`,
    `seed ${seed}, replay: ${again} npx jest pkg/testing/simulator`,
    `the shortest story that was found has ${actions.length} actions:`,
    ...actions.map(({ atMs, act }) => `  ${(atMs / 1000).toFixed(3).padStart(8)} ${act}`),
    left > 0 ? `what happened (after ${left} lines):` : 'what happened:',
    ...lines.slice(-shownLines),
  ].join('\n');
}
