import { messageOf } from './errors';

/** In people's words, what the system says most often of files; of the rest, its own words are clear enough. */
const words: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EISDIR: 'it is a directory',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
};

/**
 * Why a file could not be read or written, for a sentence that has named the file already: without the system's code, its
 * call and the path. Of any other error its message.
 */
export function fileReason(error: unknown): string {
  const { code = '', syscall, message } = error as NodeJS.ErrnoException;
  if (syscall === undefined) return messageOf(error);
  return words[code] ?? /^[A-Z0-9]+: (.+?), \w+(?: '.*')?$/s.exec(message)?.[1] ?? message;
}
