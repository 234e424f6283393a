import { InvalidError } from '../../../pkg/base/errors';
import { configNameViolation } from '../../../pkg/resource/validate-variables';
import { UsageError } from './errors';

/** Reads `K=V` words, values kept exactly. Throws UsageError for a word without `=` and for a name given twice. */
export function parsePairs(words: readonly string[], unset: readonly string[]): ReadonlyMap<string, string> {
  const pairs = new Map<string, string>();
  for (const word of words) {
    const at = word.indexOf('=');
    if (at === -1) {
      throw new UsageError(
        `${JSON.stringify(word)} is not K=V: gilliam config ${word}=VALUE sets it, gilliam config --unset ${word} removes it`,
      );
    }
    const name = word.slice(0, at);
    if (name === '')
      throw new UsageError(`${JSON.stringify(word)} names no variable: gilliam config NAME=VALUE`);
    if (pairs.has(name)) throw new UsageError(`${name} is given twice: say once what it is to be`);
    // The server says the same of every name but one: a field `__proto__` is lost on the way there.
    const violation = configNameViolation(name);
    if (violation !== undefined) throw new InvalidError(violation);
    pairs.set(name, word.slice(at + 1));
  }
  for (const name of unset) {
    if (name.includes('='))
      throw new UsageError(`--unset takes a name, not K=V: gilliam config --unset ${name.split('=')[0]}`);
    if (pairs.has(name)) throw new UsageError(`${name} is set and unset at once: say one of them`);
  }
  return pairs;
}
