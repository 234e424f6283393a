import type { CommandClass } from '../commands';

/** What is completed from the stage rather than from the commands. */
export type Source =
  'stages' | 'formations' | 'releases' | 'processes' | 'instances' | 'executors' | 'routes' | 'variables';

/** Looks up names; rejects or comes back empty when it cannot. */
export type Lookup = (
  source: Source,
  given: { readonly formation?: string; readonly stage?: string },
) => Promise<readonly string[]>;

const flagSources: Readonly<Record<string, Source>> = {
  stage: 'stages',
  formation: 'formations',
  unset: 'variables',
  confirm: 'formations',
  executor: 'executors',
  delete: 'routes',
  from: 'releases',
  release: 'releases',
  process: 'processes',
};

const argumentSources: Readonly<Record<string, readonly Source[]>> = {
  scale: ['releases', 'processes'],
  migrate: ['releases'],
  rollback: ['releases'],
  why: ['instances'],
  exec: ['instances'],
  stop: ['instances'],
  spawn: ['processes'],
  restart: ['processes', 'instances'],
  logs: ['processes', 'instances'],
  events: ['instances', 'releases'],
  resolve: ['processes'],
  destroy: ['formations'],
  config: ['variables'],
  'executor cordon': ['executors'],
  'executor uncordon': ['executors'],
  'executor drain': ['executors'],
  'executor forget': ['executors'],
};

/** After these, a word goes on with `=`. */
const assigned: Readonly<Record<string, Source>> = { scale: 'processes', config: 'variables' };

/**
 * What the last of the words, which may be empty, can be. `words` is the command line behind `gilliam`, up to the
 * cursor.
 */
export async function completions(
  words: readonly string[],
  load: (command: string) => CommandClass,
  known: readonly string[],
  lookup: Lookup,
): Promise<string[]> {
  const before = words.slice(0, -1);
  const partial = words.at(-1) ?? '';
  const startingWith = (candidates: readonly string[]) =>
    [...new Set(candidates)].filter((each) => each.startsWith(partial));
  const command = [2, 1]
    .map((length) => before.slice(0, length).join(' '))
    .find((each) => known.includes(each));
  if (command === undefined) return startingWith(nextWords(before, known));

  const { flags, args, baseFlags } = load(command);
  const all = { ...flags, ...baseFlags };
  const long = (word: string) => {
    const [name] = Object.entries(all).find(([, { char }]) => char && word === `-${char}`) ?? [];
    return name === undefined ? word : `--${name}`;
  };
  const spelled = before.map(long);
  const given = { formation: valueOf(spelled, 'formation'), stage: valueOf(spelled, 'stage') };
  const open = /^--(.+)$/.exec(spelled.at(-1) ?? '')?.[1];
  if (open !== undefined && all[open]?.type === 'option') {
    const source = flagSources[open];
    return source ? startingWith(await lookup(source, given)) : [];
  }
  if (partial.startsWith('-')) return startingWith(Object.keys(all).map((name) => `--${name}`));
  const options = Object.values(args).flatMap((arg) => (arg.options ?? []) as string[]);
  const found = await Promise.all(
    (argumentSources[command] ?? []).map(async (source) => {
      const names = await lookup(source, given);
      return assigned[command] === source ? names.map((name) => `${name}=`) : names;
    }),
  );
  return startingWith([...options, ...found.flat()]);
}

/** The words that go on a command of several words, or begin one. */
function nextWords(before: readonly string[], known: readonly string[]): string[] {
  return known
    .filter((command) => !command.startsWith('_'))
    .map((command) => command.split(' '))
    .filter((command) => before.every((word, index) => command[index] === word))
    .flatMap((command) => command[before.length] ?? []);
}

function valueOf(words: readonly string[], flag: string): string | undefined {
  const at = words.lastIndexOf(`--${flag}`);
  if (at !== -1) return words[at + 1];
  return words.findLast((word) => word.startsWith(`--${flag}=`))?.slice(flag.length + 3);
}
