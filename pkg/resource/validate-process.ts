import type { Port, Process, Resources } from '../gen/gilliam/v1/release';
import { isAuxiliary } from './auxiliary';
import {
  MAX_CPU_MILLIS,
  MAX_DRAIN_MS,
  MAX_EXPRESSION_LENGTH,
  MAX_GRACE_MS,
  MAX_MEMORY_BYTES,
  MAX_PIDS,
  MAX_PORTS,
  MAX_REQUIREMENTS,
  MIN_CPU_MILLIS,
  MIN_MEMORY_BYTES,
  MIN_PIDS,
} from './bounds';
import { isLabel, labelViolation, quote } from './names';
import type { Precedent } from './precedent';
import { formatBytes, formatCpu } from './quantity';
import { checkAuxiliary } from './validate-auxiliary';
import { checkCommand } from './validate-command';
import { checkHealth } from './validate-health';
import { imageViolation } from './validate-image';
import { checkEnv } from './validate-variables';
import { checkVolumes } from './validate-volumes';
import type { Violations } from './violations';

/**
 * Says what is wrong with an expression, with line and column; undefined when nothing is. Passed in, because the
 * language of expressions belongs to the scheduler, a layer above.
 */
export interface ExpressionChecker {
  requirement(text: string): string | undefined;
  rank(text: string): string | undefined;
}

/** Checks one process of a release. */
export function checkProcess(
  name: string,
  process: Process,
  checker: ExpressionChecker,
  at: { readonly field: string; readonly found: Violations; readonly precedent: Precedent },
): void {
  const { field, found, precedent } = at;
  const what = `process ${name}`;
  const inside = (part: string) => ({ what, field: `${field}.${part}`, found });
  checkCommand(process.command, inside('command'));
  checkPorts(process.ports, inside('ports'));
  checkEnv(process.env, process.ports[0]?.containerPort, {
    ...inside('env'),
    isKnown: (variable, value) => precedent.env(name, variable, value),
  });
  if (process.resources) checkResources(process.resources, inside('resources'));
  if (process.health) checkHealth(process.health, process.ports, inside('health'));
  checkExpressions(process, checker, { what, field, found });
  checkVolumes(process.volumes, inside('volumes'));
  const violation = imageViolation(process.image);
  if (violation !== undefined) found.add(`${field}.image`, `${what}: ${violation}`);
  checkKind(name, process, { what, field, found });
  const show = (ms: number) => `${ms.toLocaleString('en-US')} ms`;
  found.range(process.graceMs, { least: 0, most: MAX_GRACE_MS }, `${field}.grace_ms`, {
    what: `${what}: grace period`,
    show,
  });
  found.range(process.drainMs, { least: 0, most: MAX_DRAIN_MS }, `${field}.drain_ms`, {
    what: `${what}: drain time`,
    show,
  });
}

/** An auxiliary service has a name of its kind, and only such a one has. */
function checkKind(name: string, { auxiliary }: Process, { what, field, found }: At): void {
  found.require(
    auxiliary === undefined || isAuxiliary(name),
    `${field}.auxiliary`,
    () => `${what} says that it is an auxiliary service: name it _${name}, or leave auxiliary out`,
  );
  found.require(
    auxiliary !== undefined || !isAuxiliary(name),
    field,
    () => `process name ${quote(name)} is not allowed: a leading _ is for auxiliary services`,
  );
  if (auxiliary) checkAuxiliary(auxiliary, { what, field: `${field}.auxiliary`, found });
}

interface At {
  readonly what: string;
  readonly field: string;
  readonly found: Violations;
}

function checkPorts(ports: readonly Port[], { what, field, found }: At): void {
  found.require(
    ports.length <= MAX_PORTS,
    field,
    () => `${what} has ${ports.length} ports: the limit is ${MAX_PORTS}`,
  );
  const names = new Set<string>();
  const numbers = new Set<number>();
  ports.slice(0, MAX_PORTS).forEach((port, index) => {
    const here = `${field}[${index}]`;
    found.range(port.containerPort, { least: 1, most: 65_535 }, `${here}.container_port`, {
      what: `${what}: port`,
      show: String,
    });
    found.require(
      !numbers.has(port.containerPort),
      `${here}.container_port`,
      () => `${what}: port ${port.containerPort} is given twice: give each port once`,
    );
    found.require((port.name === '' && ports.length === 1) || isLabel(port.name), `${here}.name`, () =>
      labelViolation(`${what}: port name`, port.name),
    );
    found.require(
      port.name === '' || !names.has(port.name),
      `${here}.name`,
      () => `${what}: port name ${quote(port.name)} is given twice: name each port differently`,
    );
    names.add(port.name);
    numbers.add(port.containerPort);
  });
}

// 0 stands for no reservation and no limit, and of pids for the default.
function checkResources(resources: Resources, { what, field, found }: At): void {
  if (resources.cpuMillis !== 0) {
    found.range(resources.cpuMillis, { least: MIN_CPU_MILLIS, most: MAX_CPU_MILLIS }, `${field}.cpu_millis`, {
      what: `${what}: cpu`,
      show: formatCpu,
    });
  }
  if (resources.memoryBytes !== 0n) {
    found.range(
      resources.memoryBytes,
      { least: MIN_MEMORY_BYTES, most: MAX_MEMORY_BYTES },
      `${field}.memory_bytes`,
      { what: `${what}: memory`, show: formatBytes },
    );
  }
  if (resources.pids !== 0) {
    found.range(resources.pids, { least: MIN_PIDS, most: MAX_PIDS }, `${field}.pids`, {
      what: `${what}: pids`,
    });
  }
}

function checkExpressions(process: Process, checker: ExpressionChecker, { what, field, found }: At): void {
  const { requirements, rank } = process;
  found.require(
    requirements.length <= MAX_REQUIREMENTS,
    `${field}.requirements`,
    () =>
      `${what} has ${requirements.length} requirements: the limit is ${MAX_REQUIREMENTS}, join some with &&`,
  );
  requirements.slice(0, MAX_REQUIREMENTS).forEach((text, index) => {
    const here = `${field}.requirements[${index}]`;
    const violation = tooLong(text) ?? checker.requirement(text);
    if (violation !== undefined) found.add(here, `${what}: requirement ${quote(text)}: ${violation}`);
  });
  if (rank.trim() === '') return;
  const violation = tooLong(rank) ?? checker.rank(rank);
  if (violation !== undefined) found.add(`${field}.rank`, `${what}: rank ${quote(rank)}: ${violation}`);
}

// Before the checker sees it: what is too long is not even parsed.
function tooLong(text: string): string | undefined {
  return text.length > MAX_EXPRESSION_LENGTH
    ? `has ${text.length} characters: the limit is ${MAX_EXPRESSION_LENGTH}`
    : undefined;
}
