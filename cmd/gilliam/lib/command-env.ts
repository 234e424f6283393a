import { UsageError } from './errors';

/** Variables of `NAME=VALUE` words; throws UsageError. */
export function parseEnv(words: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    words.map((word) => {
      const at = word.indexOf('=');
      if (at < 1) throw new UsageError(`${JSON.stringify(word)} is no variable: write NAME=VALUE`);
      return [word.slice(0, at), word.slice(at + 1)];
    }),
  );
}
