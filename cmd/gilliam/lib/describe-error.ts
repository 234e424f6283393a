import { GilliamError, messageOf } from '../../../pkg/base/errors';
import { fileReason } from '../../../pkg/base/file-reason';
import { UsageError } from './errors';
import { usageMessage } from './usage-message';

export interface Described {
  /** For programs. */
  readonly code: string;
  /** One line; empty when there is nothing to say. */
  readonly message: string;
  readonly exitCode: number;
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
  if (isOclifError(error))
    return { code: 'USAGE', message: oneLine(usageMessage(error, command)), exitCode: 2 };
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

/** A line for a terminal: no line ends, and no control characters that somebody else has put in. */
function oneLine(text: string): string {
  return text
    .replace(/\s*\n\s*/g, '; ')

    .replace(/[\u0000-\u001f\u007f]/g, ' ')
    .trim();
}
