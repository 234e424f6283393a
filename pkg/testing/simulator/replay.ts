import { run } from './run';
import { scenarioOf } from './scenario';

/** A program of its own: prints the hash of the story that a seed tells. */
void run(Number(process.argv[2]), scenarioOf(Number(process.argv[2]), Number(process.argv[3]))).then(
  ({ hash }) => console.log(hash),
);
