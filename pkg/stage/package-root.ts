import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The directory of Gilliam's package, from wherever in it this runs: sources or dist/. */
export function packageRoot(from: string = __dirname): string {
  for (let directory = from; ; directory = dirname(directory)) {
    if (existsSync(join(directory, 'package.json')) && existsSync(join(directory, 'hack/setup.sh')))
      return directory;
    if (directory === dirname(directory)) throw new Error(`${from} is not inside of Gilliam's package`);
  }
}
