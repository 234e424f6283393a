import { MAX_CONFIG_BYTES, MAX_VARIABLE_BYTES, MAX_VARIABLE_NAME } from './bounds';
import { quote } from './names';
import { formatBytes } from './quantity';
import { bytesOf } from './text';
import type { Violations } from './violations';

const variable = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Why an environment variable may not have this name; undefined when it may. `what`: `config name`. */
export function variableNameViolation(what: string, name: string): string | undefined {
  if (name === '') return `${what} is missing: write NAME=value`;
  if (name.length > MAX_VARIABLE_NAME) {
    return `${what} ${quote(name)} has ${name.length} characters: the limit is ${MAX_VARIABLE_NAME}`;
  }
  if (!variable.test(name)) {
    return `${what} ${quote(name)} is not allowed: use letters, digits and _, not beginning with a digit`;
  }
  // The protobuf runtime keeps maps as plain objects, in which this key would vanish without a trace.
  if (name === '__proto__') return `${what} "__proto__" is not allowed: choose another name`;
  if (name.startsWith('GILLIAM_')) {
    return `${what} ${quote(name)} is reserved: Gilliam itself sets what begins with GILLIAM_, choose another name`;
  }
  return undefined;
}

/** Why the config may not have this entry's name; undefined when it may. For callers that parse `NAME=value`. */
export function configNameViolation(name: string): string | undefined {
  if (name === 'PORT') {
    return 'config name "PORT" is reserved: Gilliam sets it to the port where a process has to listen';
  }
  return variableNameViolation('config name', name);
}

/** What stands in a text for bytes that were not UTF-8, or for half of a character: what was meant is lost by then. */
const broken = /\ufffd|\p{Surrogate}/u;

/** Where variables are, and whether a value of one was there before: it has been taken for what it is. */
interface At {
  readonly field: string;
  readonly found: Violations;
  isKnown?(name: string, value: string): boolean;
}

/**
 * Checks a release's config. Values are kept exactly; only NUL is refused, which no environment can hold, and what is not
 * UTF-8, which has been lost on the way here.
 */
export function checkConfig(config: Readonly<Record<string, string>>, at: At): void {
  const { field, found } = at;
  const entries = Object.entries(config);
  const total = entries.reduce((sum, [name, value]) => sum + bytesOf(name) + bytesOf(value), 0);
  const fits = found.require(
    total <= MAX_CONFIG_BYTES,
    field,
    () =>
      `config is ${formatBytes(total)}, over the limit of ${formatBytes(MAX_CONFIG_BYTES)} a release: keep large values in files or in a store of their own`,
  );
  for (const [name, value] of entries) {
    const violation = configNameViolation(name);
    if (violation !== undefined) found.add(`${field}.${name}`, violation);
    if (fits) checkValue(`config ${name}`, name, value, at);
  }
}

/** Checks the variables of one process. `port` is what Gilliam will set PORT to, where it will. */
export function checkEnv(env: Readonly<Record<string, string>>, port: number | undefined, at: At): void {
  const entries = Object.entries(env);
  const total = entries.reduce((sum, [name, value]) => sum + bytesOf(name) + bytesOf(value), 0);
  at.found.require(
    total <= MAX_CONFIG_BYTES,
    at.field,
    () => `env is ${formatBytes(total)}, over the limit of ${formatBytes(MAX_CONFIG_BYTES)} a process`,
  );
  for (const [name, value] of entries) {
    const violation = variableNameViolation('env name', name);
    if (violation !== undefined) at.found.add(`${at.field}.${name}`, violation);
    if (name === 'PORT' && port !== undefined && value !== String(port)) {
      at.found.add(
        `${at.field}.PORT`,
        `env PORT is ${quote(value)}, but the process's first port is ${port}: leave PORT out, Gilliam sets it`,
      );
    }
    checkValue(`env ${name}`, name, value, at);
  }
}

function checkValue(what: string, name: string, value: string, at: At): void {
  const bytes = bytesOf(name) + 1 + bytesOf(value);
  at.found.require(
    !value.includes('\0'),
    `${at.field}.${name}`,
    () => `${what} contains a NUL byte: no environment can hold it, encode the value`,
  );
  at.found.require(
    !broken.test(value) || at.isKnown?.(name, value) === true,
    `${at.field}.${name}`,
    () => `${what} is not UTF-8 text: encode the value, for instance with base64`,
  );
  at.found.require(
    bytes <= MAX_VARIABLE_BYTES,
    `${at.field}.${name}`,
    () =>
      `${what} is ${formatBytes(bytes)}, over the limit of ${formatBytes(MAX_VARIABLE_BYTES + 1)} that Linux sets for one variable: keep it in a file`,
  );
}
