import type { Command } from '@oclif/core';
import type { Interfaces } from '@oclif/core';
import { Config } from '@oclif/core/config';
import { type CommandClass, commands, loadCommand } from './commands';
import type { Context } from './context';

/** What a command needs of oclif's configuration to run: nothing but that it is there. */
export function newConfig(): Config {
  return new Config({ root: '/' });
}

/**
 * oclif's configuration as help needs it, made here instead of read from package.json and a manifest: nothing is read from the disk, and
 * nothing can be out of step with the commands.
 */
export async function loadConfig(
  context: Pick<Context, 'version'>,
  described: readonly Command.Loadable[],
): Promise<Config> {
  const pjson = {
    name: 'gilliam',
    version: context.version,
    description: 'A platform for systems of many small services, on your own machines',
    oclif: {
      bin: 'gilliam',
      topicSeparator: ' ',
      topics: { executor: { description: 'Take executors out of use and back' } },
    },
  } as unknown as Interfaces.PJSON;
  const plugin: Interfaces.Plugin = {
    _base: '',
    alias: 'gilliam',
    name: 'gilliam',
    version: context.version,
    root: '/',
    type: 'core',
    moduleType: 'commonjs',
    isRoot: true,
    valid: true,
    hasManifest: false,
    pjson,
    options: { root: '/' },
    hooks: {},
    topics: Object.entries(pjson.oclif.topics ?? {}).map(([name, topic]) => ({ ...topic, name })),
    commandsDir: undefined,
    commandIDs: described.map((command) => command.id),
    commands: [...described],
    load: async () => {},
    findCommand: (() => undefined) as unknown as Interfaces.Plugin['findCommand'],
  };
  const config = new Config({ root: '/', plugins: new Map([[plugin.name, plugin]]) });
  await config.load();
  return config;
}

/** What help and docs/cli.md say of each command, read off its class. */
export function describeCommands(): Command.Loadable[] {
  return Object.keys(commands).map((words) => describeCommand(loadCommand(words)));
}

function describeCommand(command: CommandClass): Command.Loadable {
  const named = <T extends object>(record: Readonly<Record<string, T>>) =>
    Object.fromEntries(Object.entries(record).map(([name, value]) => [name, { ...value, name }]));
  return {
    id: command.id,
    summary: command.summary,
    description: command.description,
    usage: command.usage,
    examples: command.examples,
    args: named(command.args),
    flags: named({ ...command.flags, ...command.baseFlags }),
    hidden: command.hidden,
    strict: command.strict,
    aliases: [],
    hiddenAliases: [],
    pluginName: 'gilliam',
    load: async () => command as unknown as Command.Class,
  };
}
