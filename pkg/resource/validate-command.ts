import { MAX_COMMAND_ARGS, MAX_COMMAND_BYTES } from './bounds';
import { formatBytes } from './quantity';
import { bytesOf } from './text';
import type { Violations } from './violations';

/** Checks an argument vector. */
export function checkCommand(
  command: readonly string[],
  at: { readonly what: string; readonly field: string; readonly found: Violations },
): void {
  const { what, field, found } = at;
  const bytes = command.reduce((sum, arg) => sum + bytesOf(arg) + 1, 0);
  found.require(
    command.length <= MAX_COMMAND_ARGS,
    field,
    () => `${what}: command has ${command.length} arguments: the limit is ${MAX_COMMAND_ARGS}`,
  );
  found.require(
    bytes <= MAX_COMMAND_BYTES,
    field,
    () =>
      `${what}: command is ${formatBytes(bytes)}, over the limit of ${formatBytes(MAX_COMMAND_BYTES)}: put it into a script`,
  );
  found.require(
    !command.some((arg) => arg.includes('\0')),
    field,
    () => `${what}: command contains a NUL byte: no program can be given one`,
  );
  found.require(
    command[0] !== '',
    field,
    () => `${what}: command begins with an empty argument: give the program to run`,
  );
}
