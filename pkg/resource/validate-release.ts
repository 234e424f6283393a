import { ReleaseSpec } from '../gen/gilliam/v1/release';
import { MAX_AUTHOR_LENGTH, MAX_MESSAGE_LENGTH, MAX_PROCESSES, MAX_RELEASE_BYTES } from './bounds';
import { isLabel, labelViolation, quote } from './names';
import { formatBytes } from './quantity';
import { hasControl, hasControlBesidesLines } from './text';
import type { ExpressionChecker } from './validate-process';
import { checkProcess } from './validate-process';
import { checkConfig } from './validate-variables';
import { Violations } from './violations';

// `sha256:…` of an engine's own store, or `host:port/name@sha256:…` of a registry.
const image = /^(?:[a-z0-9][-a-z0-9._:/]{0,254}@)?sha256:[0-9a-f]{64}$/;

/** Throws InvalidError unless a release may be made of the spec as it is (after what is carried on was added). */
export function validateRelease(spec: ReleaseSpec, checker: ExpressionChecker, field = 'spec'): void {
  const found = new Violations();
  checkConfig(spec.config, `${field}.config`, found);
  found.require(
    spec.image === '' || image.test(spec.image),
    `${field}.image`,
    () =>
      `image ${quote(spec.image)} is not named by digest: use sha256:<64 digits> or host/name@sha256:<64 digits>`,
  );
  checkProcesses(spec, checker, { field: `${field}.processes`, found });
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
  { field, found }: { readonly field: string; readonly found: Violations },
): void {
  const processes = Object.entries(spec.processes);
  found.require(
    processes.length <= MAX_PROCESSES,
    field,
    () =>
      `the release has ${processes.length} processes: the limit is ${MAX_PROCESSES}, split it into formations`,
  );
  for (const [name, process] of processes.slice(0, MAX_PROCESSES)) {
    found.require(isLabel(name), `${field}.${name}`, () =>
      name.startsWith('_')
        ? `process name ${quote(name)} is not allowed: a leading _ is for auxiliary services`
        : labelViolation('process name', name),
    );
    checkProcess(name, process, checker, { field: `${field}.${name}`, found });
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
}
