import { run } from './run';
import { scenarioOf } from './scenario';

test('try', async () => {
  const seed = Number(process.env.SEED ?? 1);
  const began = performance.now();
  const outcome = await run(seed, scenarioOf(seed, Number(process.env.LEN ?? 25)));
  console.log(outcome.lines.slice(-Number(process.env.LINES ?? 60)).join('\n'), outcome.violation, outcome.hash, outcome.endedMs, outcome.lines.length, performance.now() - began);
});
