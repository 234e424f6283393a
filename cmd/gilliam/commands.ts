import type { BaseCommand } from './base-command';

/** A command's class, as its file exports it. */
export type CommandClass = Omit<typeof BaseCommand, 'prototype'> &
  (new (...args: ConstructorParameters<typeof BaseCommand>) => BaseCommand);

interface CommandModule {
  readonly default: unknown;
}

/* eslint-disable @typescript-eslint/no-require-imports, @typescript-eslint/consistent-type-imports --
   Each command is loaded only when it is run: that keeps the start short. */

/**
 * Every command by its words, in the order of `gilliam help`. The file of `executor cordon` is
 * commands/executor/cordon.ts.
 */
export const commands: Readonly<Record<string, () => CommandModule>> = {
  version: () => require('./commands/version') as typeof import('./commands/version'),
};
/* eslint-enable @typescript-eslint/no-require-imports, @typescript-eslint/consistent-type-imports */

/** The class of a command that is known by these words. */
export function loadCommand(words: string): CommandClass {
  const load = commands[words];
  if (!load) throw new Error(`no command "${words}"`);
  const loaded = load().default as CommandClass;
  loaded.id = words.replaceAll(' ', ':');
  return loaded;
}
