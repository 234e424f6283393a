import type { AuxiliaryService } from '../gen/gilliam/v1/release';
import { MAX_OPTION_LENGTH, MAX_OPTIONS, MAX_URL_LENGTH, MAX_VERSION_LENGTH } from './bounds';
import { isLabel, labelViolation, quote } from './names';
import { hasControl } from './text';
import { configNameViolation } from './validate-variables';
import type { Violations } from './violations';

interface At {
  readonly what: string;
  readonly field: string;
  readonly found: Violations;
}

const optionName = /^[A-Za-z](?:[-A-Za-z0-9_.]{0,126}[A-Za-z0-9])?$/;

/** Checks what makes an auxiliary service of a process. */
export function checkAuxiliary(auxiliary: AuxiliaryService, { what, field, found }: At): void {
  const { type, version, urlVariable, url } = auxiliary;
  found.require(isLabel(type), `${field}.type`, () => labelViolation(`${what}: type`, type));
  found.require(
    version.length <= MAX_VERSION_LENGTH && !hasControl(version),
    `${field}.version`,
    () => `${what}: version ${quote(version)} is not one line of at most ${MAX_VERSION_LENGTH} characters`,
  );
  checkOptions(auxiliary.options, { what, field: `${field}.options`, found });
  found.require((urlVariable === '') === (url === ''), `${field}.url`, () =>
    url === ''
      ? `${what}: there is no URL for ${urlVariable}: give both, or neither`
      : `${what}: the URL has no variable to be given in: give both, or neither`,
  );
  if (url === '' || urlVariable === '') return;
  const violation = configNameViolation(urlVariable);
  if (violation !== undefined) found.add(`${field}.url_variable`, `${what}: ${violation}`);
  found.require(
    url.length <= MAX_URL_LENGTH && !hasControl(url),
    `${field}.url`,
    () => `${what}: the URL is not one line of at most ${MAX_URL_LENGTH} characters`,
  );
}

function checkOptions(options: Readonly<Record<string, string>>, { what, field, found }: At): void {
  const entries = Object.entries(options);
  found.require(
    entries.length <= MAX_OPTIONS,
    field,
    () => `${what} has ${entries.length} options: the limit is ${MAX_OPTIONS}`,
  );
  for (const [name, value] of entries.slice(0, MAX_OPTIONS)) {
    found.require(
      optionName.test(name),
      field,
      () => `${what}: option name ${quote(name)} is not allowed: use letters, digits, and _ - . between them`,
    );
    found.require(
      value.length <= MAX_OPTION_LENGTH && !value.includes('\0'),
      `${field}.${name}`,
      () => `${what}: option ${name} is longer than ${MAX_OPTION_LENGTH} characters, or has a NUL byte`,
    );
  }
}
