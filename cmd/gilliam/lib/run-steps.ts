import { createColors } from 'picocolors';
import type { Step } from '../../../pkg/stage/step';
import type { Context } from '../context';
import { Progress } from './progress';

/**
 * Runs steps one after the other, and shows how far they are: a line that moves for people, plain lines for others.
 * All on stderr: stdout is for the answer.
 */
export async function runSteps(steps: readonly Step[], context: Context, quiet = false): Promise<void> {
  for (const step of steps) await runStep(step, context, quiet);
}

async function runStep(step: Step, { stderr, clock, signal }: Context, quiet: boolean): Promise<void> {
  const colors = createColors(stderr.colors);
  const progress = new Progress(stderr, clock);
  const print = (line: string) => quiet || stderr.write(`${line}\n`);
  if (!stderr.isTerminal) print(step.title);
  else progress.update(step.title);
  try {
    const report = (line: string) => {
      if (stderr.isTerminal) progress.update(`${step.title}: ${line}`);
      else print(`  ${line}`);
    };
    const detail = await step.run(report, signal);
    progress.dispose();
    if (stderr.isTerminal)
      print(`${colors.green('✔')} ${step.title}${detail ? colors.dim(` (${detail})`) : ''}`);
    else if (detail) print(`  ${detail}`);
  } catch (error) {
    progress.dispose();
    if (stderr.isTerminal) print(`${colors.red('✖')} ${step.title}`);
    throw error;
  }
}
