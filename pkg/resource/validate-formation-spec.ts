import type { FormationSpec, ScalingRule, Share } from '../gen/gilliam/v1/formation';
import {
  MAX_FORMATION_ENTRIES,
  MAX_INSTANCES,
  MAX_LATENCY_MS,
  MAX_PERCENT,
  MAX_REQUESTS_PER_SECOND,
  MAX_SHARED_WITH,
} from './bounds';
import { isLabel, isServiceName, labelViolation, quote } from './names';
import { serviceRef } from './service-ref';
import { suggestion } from './suggest';
import type { Violations } from './violations';

export interface FormationSpecContext {
  /** The formation's name. */
  readonly formation: string;
  /** The services of its newest release; absent before the first, when nothing is known of them. */
  readonly services?: readonly string[];
  readonly field: string;
  readonly found: Violations;
}

/** Stands for all formations in a share. */
export const EVERYBODY = '*';

/** Checks all that a formation's spec says. */
export function checkFormationSpec(spec: FormationSpec, context: FormationSpecContext): void {
  const { field, found } = context;
  found.range(
    spec.limits?.maxInstances ?? 0,
    { least: 0, most: MAX_INSTANCES },
    `${field}.limits.max_instances`,
    { what: 'max_instances' },
  );
  for (const part of ['scaling', 'shares', 'imports'] as const) {
    const count = Object.keys(spec[part]).length;
    found.require(
      count <= MAX_FORMATION_ENTRIES,
      `${field}.${part}`,
      () => `there are ${count} ${part}: the limit is ${MAX_FORMATION_ENTRIES}`,
    );
  }
  for (const [name, rule] of Object.entries(spec.scaling)) {
    checkService('scaling', name, context);
    checkRule(name, rule, `${field}.scaling.${name}`, found);
  }
  for (const [name, share] of Object.entries(spec.shares)) {
    checkService('shares', name, context);
    checkShare(name, share, `${field}.shares.${name}`, found);
  }
  for (const [name, target] of Object.entries(spec.imports)) checkImport(name, target, context);
}

function checkService(
  part: string,
  name: string,
  { formation, services, field, found }: FormationSpecContext,
): void {
  const here = `${field}.${part}.${name}`;
  if (!found.require(isServiceName(name), here, () => labelViolation(`${part}: process name`, name))) return;
  found.require(
    services === undefined || services.includes(name),
    here,
    () => `${part}: ${formation} has no process ${quote(name)}: ${suggestion(name, services ?? [])}`,
  );
}

function checkRule(name: string, { min, max, target }: ScalingRule, field: string, found: Violations): void {
  found.range(max, { least: 1, most: MAX_INSTANCES }, `${field}.max`, { what: `scaling of ${name}: max` });
  found.require(
    min <= max,
    `${field}.min`,
    () => `scaling of ${name}: min is ${min} and max is ${max}: min must not be above max`,
  );
  if (!target) return;
  const { cpuPercent, memoryPercent, requestsPerSecond, p95Ms } = target;
  const check = (value: number, most: number, part: string) =>
    found.range(value, { least: 0, most }, `${field}.target.${part}`, {
      what: `scaling of ${name}: target ${part}`,
    });
  check(cpuPercent, MAX_PERCENT, 'cpu_percent');
  check(memoryPercent, 100, 'memory_percent');
  check(requestsPerSecond, MAX_REQUESTS_PER_SECOND, 'requests_per_second');
  check(p95Ms, MAX_LATENCY_MS, 'p95_ms');
}

function checkShare(name: string, share: Share, field: string, found: Violations): void {
  found.require(share.with.length > 0 && share.with.length <= MAX_SHARED_WITH, `${field}.with`, () =>
    share.with.length === 0
      ? `the share of ${name} is with nobody: name formations, or * for all`
      : `the share of ${name} is with ${share.with.length} formations: the limit is ${MAX_SHARED_WITH}, use *`,
  );
  share.with.slice(0, MAX_SHARED_WITH).forEach((other, index) => {
    found.require(other === EVERYBODY || isLabel(other), `${field}.with[${index}]`, () =>
      labelViolation(`the share of ${name}: formation name`, other),
    );
  });
}

function checkImport(
  name: string,
  target: string,
  { formation, services, field, found }: FormationSpecContext,
): void {
  const here = `${field}.imports.${name}`;
  found.require(isServiceName(name), here, () => labelViolation('imports: local name', name));
  found.require(
    !services?.includes(name),
    here,
    () => `imports: ${formation} has a process ${quote(name)} of its own: choose another local name`,
  );
  const ref = serviceRef(target);
  if (ref?.formation === undefined) {
    found.add(
      here,
      `imports: ${name} stands for ${quote(target)}, which is no service: use service.formation, as web.accounts`,
    );
    return;
  }
  found.require(
    ref.formation !== formation,
    here,
    () =>
      `imports: ${name} stands for ${quote(target)}, which is ${formation}'s own: only others' are imported`,
  );
}
