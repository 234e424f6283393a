import { nearest } from '../../../pkg/resource/suggest';
import { UsageError } from './errors';

/** What a command line asks for. */
export type Resolved =
  | { readonly command: string; readonly argv: readonly string[] }
  /** Help about a command, a topic or, without words, about everything. */
  | { readonly help: readonly string[] };

const globalValues = ['--stage', '--formation'];
const globalSwitches = ['--json'];
/** Commands whose line ends in another program's, whose flags are none of ours. */
const withTail = ['run', 'exec', 'cron set'];

/** Moves global flags that stand before the command behind it: `--stage prod ps` → `ps --stage prod`. */
export function hoistGlobalFlags(argv: readonly string[]): readonly string[] {
  let end = 0;
  while (end < argv.length) {
    const word = argv[end] as string;
    if (globalValues.includes(word)) end += 2;
    else if (globalSwitches.includes(word) || globalValues.some((flag) => word.startsWith(`${flag}=`)))
      end += 1;
    else break;
  }
  const command = argv.slice(end);
  if (end === 0 || command.length === 0) return argv;
  for (const length of [1, 2]) {
    const words = command.slice(0, length);
    if (withTail.includes(words.join(' ')))
      return [...words, ...argv.slice(0, end), ...command.slice(length)];
  }
  const cut = command.indexOf('--');
  const at = cut === -1 ? command.length : cut;
  return [...command.slice(0, at), ...argv.slice(0, end), ...command.slice(at)];
}

/** Finds the command, which may be of several words. Throws UsageError with the nearest one. */
export function resolveCommand(words: readonly string[], known: readonly string[]): Resolved {
  const [first] = words;
  if (first === undefined || first === 'help' || isHelp(first)) {
    return {
      help: helpOn(
        words.slice(1).filter((word) => !word.startsWith('-')),
        known,
      ),
    };
  }
  if (first === '--version' || first === '-v') return { command: 'version', argv: words.slice(1) };
  for (const length of [2, 1]) {
    const command = words.slice(0, length).join(' ');
    if (words.length < length || !known.includes(command)) continue;
    const argv = words.slice(length);
    const end = withTail.includes(command)
      ? argv.findIndex((word) => !word.startsWith('-') || word === '--')
      : argv.indexOf('--');
    const flags = end === -1 ? argv : argv.slice(0, end);
    return flags.some(isHelp) ? { help: command.split(' ') } : { command, argv };
  }
  const below = known.filter((command) => command.startsWith(`${first} `));
  if (below.length === 0) throw unknown(first, known.filter(isPublic));
  const [, second] = words;
  if (second === undefined || isHelp(second)) return { help: [first] };
  throw unknown(`${first} ${second}`, below);
}

/** A command, or the first word of several; of nothing, all of them. */
function helpOn(words: readonly string[], known: readonly string[]): readonly string[] {
  const asked = words.join(' ');
  if (asked === '' || known.some((one) => one === asked || one.startsWith(`${asked} `))) return words;
  throw unknown(asked, known.filter(isPublic));
}

function isHelp(word: string): boolean {
  return word === '--help' || word === '-h';
}

function isPublic(command: string): boolean {
  return !command.startsWith('_');
}

function unknown(command: string, known: readonly string[]): UsageError {
  const near = nearest(command, known);
  return new UsageError(
    near
      ? `there is no command "${command}": did you mean "${near}"?`
      : `there is no command "${command}": gilliam help`,
  );
}
