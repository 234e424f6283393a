import { ReleaseSpec } from '../gen/gilliam/v1/release';
import { MAX_AUTHOR_LENGTH, MAX_MESSAGE_LENGTH, MAX_PROCESSES, MAX_RELEASE_BYTES } from './bounds';
import { isServiceName, labelViolation, quote } from './names';
import { noPrecedent, type Precedent } from './precedent';
import { formatBytes } from './quantity';
import { hasControl, hasControlBesidesLines } from './text';
import { imageViolation } from './validate-image';
import { checkNeeds } from './validate-needs';
import type { ExpressionChecker } from './validate-process';
import { checkProcess } from './validate-process';
import { checkConfig } from './validate-variables';
import { checkVolumeNames } from './validate-volumes';
import { Violations } from './violations';

/** The process of a one-off for which none is named. */
const reserved = 'run';

/** Throws InvalidError unless a release may be made of the spec as it is (after what is carried on was added). */
export function validateRelease(
  spec: ReleaseSpec,
  checker: ExpressionChecker,
  field = 'spec',
  precedent = noPrecedent,
): void {
  const found = new Violations();
  checkConfig(spec.config, {
    field: `${field}.config`,
    found,
    isKnown: (name, value) => precedent.config(name, value),
  });
  const violation = imageViolation(spec.image);
  if (violation !== undefined) found.add(`${field}.image`, violation);
  checkProcesses(spec, checker, { field: `${field}.processes`, found, precedent });
  checkNotes(spec, field, found);
  found.throwIfAny();

  const bytes = ReleaseSpec.encode(spec).finish().length;
  found.require(
    bytes <= MAX_RELEASE_BYTES,
    field,
    () =>
      `the release is ${formatBytes(bytes)}, over the limit of ${formatBytes(MAX_RELEASE_BYTES)}: shorten commands, env or config`,
  );
  found.throwIfAny();
}

function checkProcesses(
  spec: ReleaseSpec,
  checker: ExpressionChecker,
  { field, found, precedent }: { field: string; found: Violations; precedent: Precedent },
): void {
  const processes = Object.entries(spec.processes);
  found.require(
    processes.length <= MAX_PROCESSES,
    field,
    () =>
      `the release has ${processes.length} processes: the limit is ${MAX_PROCESSES}, split it into formations`,
  );
  for (const [name, process] of processes.slice(0, MAX_PROCESSES)) {
    found.require(isServiceName(name), `${field}.${name}`, () => labelViolation('process name', name));
    found.require(
      name !== reserved,
      `${field}.${name}`,
      () => `process name "run" is reserved: gilliam run gives it to single commands, choose another name`,
    );
    checkProcess(name, process, checker, { field: `${field}.${name}`, found, precedent });
  }
  checkVolumeNames(spec, precedent, { field, found });
  checkNeeds(spec.processes, { field, found });
  checkUrlVariables(spec, { field, found });
}

/** Two services cannot be given in one variable. */
function checkUrlVariables(
  { processes }: ReleaseSpec,
  { field, found }: { readonly field: string; readonly found: Violations },
): void {
  const owners = new Map<string, string>();
  for (const [name, { auxiliary }] of Object.entries(processes)) {
    const variable = auxiliary?.urlVariable ?? '';
    if (variable === '') continue;
    const owner = owners.get(variable);
    found.require(
      owner === undefined,
      `${field}.${name}.auxiliary.url_variable`,
      () => `${owner} and ${name} both have their URL in ${variable}: give one of them another variable`,
    );
    owners.set(variable, owner ?? name);
  }
}

// These are shown in terminals: what steers one is refused.
function checkNotes(spec: ReleaseSpec, field: string, found: Violations): void {
  found.require(
    spec.message.length <= MAX_MESSAGE_LENGTH && !hasControlBesidesLines(spec.message),
    `${field}.message`,
    () =>
      `message is too long or has control characters: use at most ${MAX_MESSAGE_LENGTH} characters of text`,
  );
  found.require(
    spec.author.length <= MAX_AUTHOR_LENGTH && !hasControl(spec.author),
    `${field}.author`,
    () => `author is too long or has control characters: use at most ${MAX_AUTHOR_LENGTH} characters of text`,
  );
  found.require(
    /^(?:[0-9a-f]{7,64})?$/.test(spec.commit),
    `${field}.commit`,
    () => `commit ${quote(spec.commit)} is not a git commit: use 7 to 64 hexadecimal digits`,
  );
  found.require(
    /^(?:[0-9a-f]{64})?$/.test(spec.source),
    `${field}.source`,
    () => `source ${quote(spec.source)} is not a SHA-256: use 64 hexadecimal digits`,
  );
}
