// Writes docs/cli.md from the commands: `node hack/update-cli-docs.mjs`; with --check it only says where that differs.
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { format, resolveConfig } from 'prettier';
import { cliOptions } from './build-cli.mjs';
import { keep } from './generated.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const target = join(root, 'docs', 'cli.md');

const preface = `\`gilliam help\`, and \`--help\` on each command, say the same.

## What holds for every command

- **Answer.** stdout carries the answer and nothing else; progress, warnings and hints go to stderr. On a terminal there
  are tables, colours ([NO_COLOR](https://no-color.org) is respected) and the likely next command; elsewhere plain lines,
  with columns apart by tabs.
- **\`--json\`**: stdout is exactly one JSON value, in the shape of the [API](api.md)'s messages. Of a command that failed
  it is \`{"error": {"code", "message"}}\`. What has no end (\`logs\`, \`events --follow\`) prints one JSON object a line.
- **\`--plan\`**, on each command that changes something: says what would be done, and changes nothing.
- **Exit code**: 0 done, 1 refused or failed, 2 wrong usage; 130 when a signal has ended it.
- **Errors** are one line on stderr: what, why, what to do. \`GILLIAM_DEBUG=1\` adds where it happened.

## Which stage, which formation

| | flag | environment | file | else |
| --- | --- | --- | --- | --- |
| stage | \`--stage\` | \`GILLIAM_STAGE\` | \`stage:\` in \`.gilliam.app\` | \`local\` |
| formation | \`--formation\` | \`GILLIAM_FORMATION\` | \`formation:\` in \`.gilliam.app\`, then in \`gilliam.yml\` | an error that says so |

The first that is given counts, from left to right. \`.gilliam.app\` is looked for in the current directory and then in
those above; \`gilliam create\` writes it. How a stage is reached, its address and token, is in
\`~/.gilliam/stages/<stage>.json\` (\`GILLIAM_HOME\` stands for another \`~/.gilliam\`), made by \`gilliam up\` and readable by
its owner only.`;

keep(target, await render(await readCommands()));

async function readCommands() {
  const directory = await mkdtemp(join(tmpdir(), 'gilliam-docs-'));
  try {
    const outfile = join(directory, 'commands.cjs');
    const entryPoints = ['cmd/gilliam/oclif-config.ts'];
    await build({ ...cliOptions, entryPoints, outdir: undefined, outfile });
    const { describeCommands } = createRequire(import.meta.url)(outfile);
    return describeCommands().filter((command) => !command.hidden);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function render(commands) {
  const text = [
    '# The command line',
    '<!-- Made by hack/update-cli-docs.mjs from cmd/gilliam/commands: change those. -->',
    preface,
    '## Commands',
    ['| command | what it does |', '| --- | --- |', ...commands.map(row)].join('\n'),
    ...commands.map(section),
  ].join('\n\n');
  const options = await resolveConfig(target);
  return format(text, { ...options, parser: 'markdown' });
}

function row(command) {
  return `| [${words(command)}](#gilliam-${words(command).replaceAll(' ', '-')}) | ${cell(command.summary)} |`;
}

function section(command) {
  const own = Object.values(command.flags).filter((flag) => flag.helpGroup !== 'GLOBAL' && !flag.hidden);
  const args = Object.values(command.args);
  return [
    `## gilliam ${words(command)}`,
    `${sentence(command.summary)} ${command.description ?? ''}`.trim(),
    ['```', usage(command, args, own), '```'].join('\n'),
    [...list(args, (arg) => `\`${arg.name.toUpperCase()}\``), ...list(own, flagTitle)].join('\n'),
    examples(command),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function usage(command, args, flags) {
  const shownArgs = args.map((arg) => {
    const name = arg.multiple ? `${arg.name.toUpperCase()}...` : arg.name.toUpperCase();
    return arg.required ? name : `[${name}]`;
  });
  const shownFlags = flags.map((flag) => `[--${flag.name}${value(flag)}]`);
  return ['gilliam', words(command), ...shownArgs, ...shownFlags].join(' ');
}

function list(items, title) {
  return items.map((item) => `- ${title(item)}: ${item.description ?? ''}${options(item)}`);
}

function flagTitle(flag) {
  const long = `\`--${flag.name}${value(flag)}\``;
  return flag.char ? `\`-${flag.char}\`, ${long}` : long;
}

function options(item) {
  const allowed = item.options ? ` (${item.options.map((option) => `\`${option}\``).join(', ')})` : '';
  return typeof item.default === 'string' ? `${allowed}; default \`${item.default}\`` : allowed;
}

function value(flag) {
  return flag.type === 'option' ? ` ${flag.helpValue ?? 'VALUE'}` : '';
}

function examples(command) {
  const lines = (command.examples ?? []).flatMap((example) => {
    if (typeof example === 'string') return [`$ ${example}`];
    return [`# ${example.description.replace(/:$/, '')}`, `$ ${example.command}`];
  });
  const text = lines.join('\n').replaceAll('<%= config.bin %>', 'gilliam');
  return text === '' ? '' : ['```console', text, '```'].join('\n');
}

function words(command) {
  return command.id.replaceAll(':', ' ');
}

function sentence(text) {
  return /[.?!]$/.test(text) ? text : `${text}.`;
}

function cell(text) {
  return text.replaceAll('|', '\\|');
}
