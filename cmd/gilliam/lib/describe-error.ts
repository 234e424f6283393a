import { GilliamError, messageOf } from '../../../pkg/base/errors';
import { fileReason } from '../../../pkg/base/file-reason';
import { nearest } from '../../../pkg/resource/suggest';
import { UsageError } from './errors';

export interface Described {
  /** For programs. */
  readonly code: string;
  /** One line; empty when there is nothing to say. */
  readonly message: string;
  readonly exitCode: number;
}

/** What the errors of oclif's parser carry, as far as it is used here. */
interface ParseError extends Error {
  readonly parse?: { readonly input?: { readonly flags?: Readonly<Record<string, unknown>> } };
  /** Of one about unknown flags. */
  readonly flags?: readonly string[];
  /** Of one about missing arguments (objects) or unexpected ones (text). */
  readonly args?: readonly (string | { readonly name: string })[];
}

/** Exit code and line of whatever was thrown: 2 for wrong usage, 130 for what a signal has ended, else 1. */
export function describeError(
  error: unknown,
  { command, signal }: { readonly command: string; readonly signal: AbortSignal },
): Described {
  if (signal.aborted && !(error instanceof UsageError)) {
    const said = error instanceof InterruptedError ? oneLine(error.message) : '';
    return { code: 'CANCELLED', message: said, exitCode: 130 };
  }
  if (error instanceof UsageError) return { code: error.code, message: oneLine(error.message), exitCode: 2 };
  if (error instanceof GilliamError)
    return { code: error.code, message: oneLine(error.message), exitCode: 1 };
  if (isOclifError(error)) return { code: 'USAGE', message: usageMessage(error, command), exitCode: 2 };
  if (isSystemError(error)) return { code: error.code, message: oneLine(systemMessage(error)), exitCode: 1 };
  return {
    code: 'INTERNAL',
    message: `a fault of gilliam itself: ${oneLine(messageOf(error))}: GILLIAM_DEBUG=1 shows where`,
    exitCode: 1,
  };
}

/** Thrown when a signal has ended a command that has something to say about it. */
export class InterruptedError extends GilliamError {
  readonly code = 'CANCELLED';
}

function isOclifError(error: unknown): error is Error {
  return error instanceof Error && 'oclif' in error;
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException & { code: string } {
  return error instanceof Error && 'syscall' in error && 'code' in error;
}

/** What no command has foreseen: at least with the path before what is wrong with it. */
function systemMessage(error: NodeJS.ErrnoException): string {
  const { path, syscall = '' } = error;
  if (path === undefined || path === '') return error.message;
  return `${path}: ${syscall} has failed: ${fileReason(error)}`;
}

function usageMessage(error: ParseError, command: string): string {
  const { parse, flags, args } = error;
  const help = `gilliam ${command} --help`;
  if (flags) {
    const wrong = flags[0]?.replace(/=.*/s, '') ?? '';
    const near = wrong.startsWith('--') && nearest(wrong.slice(2), Object.keys(parse?.input?.flags ?? {}));
    return `${command} has no flag ${wrong}: ${near ? `did you mean --${near}?` : help}`;
  }
  if (args) {
    const names = args.map((arg) => (typeof arg === 'string' ? JSON.stringify(arg) : arg.name.toUpperCase()));
    return typeof args[0] === 'string'
      ? `${command} does not take ${names.join(', ')}: ${help}`
      : `${names.join(' and ')} is missing: ${help}`;
  }
  const text = error.message
    .replace(/\n*See more help with --help/, '')
    .replace(/^Parsing (--\S+) \n\t/, '$1: ')
    .replace(/^[^]*must be provided when using (--\S+): (--\S+)$/, '$1 needs $2');
  return `${oneLine(text)}: ${help}`;
}

/** A line for a terminal: no line ends, and no control characters that somebody else has put in. */
function oneLine(text: string): string {
  return text
    .replace(/\s*\n\s*/g, '; ')

    .replace(/[\u0000-\u001f\u007f]/g, ' ')
    .trim();
}
