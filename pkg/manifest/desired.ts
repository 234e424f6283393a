import { InvalidError } from '../base/errors';
import { DesiredFormation } from '../gen/gilliam/v1/apply_service';
import { CronJob } from '../gen/gilliam/v1/cron_job';
import type { FormationSpec, ScalingRule } from '../gen/gilliam/v1/formation';
import { Process } from '../gen/gilliam/v1/release';
import { DEFAULT_PORT } from '../resource/defaults';
import { entryOf } from '../resource/entries';
import { anyPrecedent } from '../resource/precedent';
import { listening, processOfLine } from '../resource/process-of-line';
import { shellCommand } from '../resource/shell-command';
import { suggestion } from '../resource/suggest';
import { validateRelease } from '../resource/validate-release';
import { expressionChecker } from '../scheduler/expression';
import { desiredRoutes, type ReadFile } from './desired-routes';
import { Faults } from './faults';
import type { Manifest } from './manifest';
import type { ManifestProcess } from './manifest-schema';
import type { Path } from './path';

/** What the source of a manifest adds to it. */
export interface Surroundings {
  /** The formation's name, where the file says none. */
  readonly formation?: string;
  /** By digest; without, the newest release's is kept. */
  readonly image?: string;
  /** The images of auxiliary services, by name. */
  readonly images?: ReadonlyMap<string, AuxiliaryImage>;
  /** Processes as the source says them: its Procfile's, or what was detected. */
  readonly processes?: Readonly<Record<string, Process>>;
  readonly source?: string;
  readonly commit?: string;
  readonly message?: string;
  readonly author?: string;
  /** How files that the manifest names are read; without, they are taken for empty. */
  readonly readFile?: ReadFile;
}

export interface AuxiliaryImage {
  /** By digest. */
  readonly image: string;
  /** SHA-256 of what it was built of. */
  readonly source: string;
}

/**
 * The whole wish for one formation. Throws one InvalidError for all that is wrong with it, with line and column: what
 * the control plane would refuse, but for what only its state can tell.
 */
export function toDesired(manifest: Manifest, around: Surroundings = {}): DesiredFormation {
  const found = new Faults(manifest);
  const formation = manifest.formation ?? around.formation ?? '';
  const processes = allProcesses(manifest, around, found);
  const release = {
    image: manifest.image ?? around.image ?? '',
    config: manifest.config ?? {},
    processes,
    message: around.message ?? '',
    author: around.author ?? '',
    commit: around.commit ?? '',
    source: around.source ?? '',
  };
  const routes = desiredRoutes(
    manifest,
    { formation, services: Object.keys(processes), ...(around.readFile && { readFile: around.readFile }) },
    found,
  );
  checkCronProcesses(manifest, processes, found);
  found.throwIfAny();
  const desired = DesiredFormation.fromPartial({
    release,
    factors: factorsOf(manifest),
    formation: formationOf(manifest),
    routes,
    cronJobs: cronJobsOf(manifest),
    ...(manifest.rollout && { rollout: manifest.rollout }),
  });
  checkRelease(desired, found);
  found.throwIfAny();
  return desired;
}

function allProcesses(manifest: Manifest, around: Surroundings, found: Faults): Record<string, Process> {
  // Without a prototype: names come from users.
  const all = Object.create(null) as Record<string, Process>;
  for (const [name, process] of Object.entries(around.processes ?? {})) all[name] = process;
  for (const [name, given] of Object.entries(manifest.processes ?? {})) {
    const known = entryOf(all, name);
    // An image that was there before says itself what it runs.
    const own = manifest.image === undefined ? undefined : Process.fromPartial({});
    const base = baseOf(name, given, known) ?? own;
    if (base) all[name] = refine(base, given, manifest);
    else {
      const others = Object.keys(around.processes ?? {});
      const near = others.length === 0 ? '' : `: ${suggestion(name, others)}`;
      found.add(['processes', name], `has no script, and the source has no process of that name${near}`);
    }
  }
  for (const [name, { process }] of manifest.auxiliary) {
    const { image = '', source = '' } = around.images?.get(name) ?? {};
    all[name] = {
      ...process,
      image,
      ...(process.auxiliary && { auxiliary: { ...process.auxiliary, source } }),
    };
  }
  return all;
}

/** What is refined: the source's process, or what the script stands for by itself. */
function baseOf(name: string, given: ManifestProcess, known: Process | undefined): Process | undefined {
  if (given.script !== undefined) {
    return known
      ? { ...known, command: shellCommand(given.script) }
      : processOfLine(name, given.script, [DEFAULT_PORT]);
  }
  if (given.command === undefined) return known;
  if (known) return { ...known, command: given.command };
  return name === 'web'
    ? listening(given.command, [DEFAULT_PORT])
    : Process.fromPartial({ command: given.command });
}

function refine(base: Process, given: ManifestProcess, { imports = {} }: Manifest): Process {
  const ports = given.ports ?? base.ports;
  return Process.fromPartial({
    ...base,
    ports,
    env: { ...base.env, ...given.env },
    health: healthOf(base, given, ports),
    resources: given.resources ?? base.resources,
    requirements: given.requirements ?? base.requirements,
    rank: given.rank ?? base.rank,
    graceMs: given.grace ?? base.graceMs,
    drainMs: given.drain ?? base.drainMs,
    // A name of one's own stands for the service itself.
    needs: given.needs?.map((need) => entryOf(imports, need) ?? need) ?? base.needs,
  });
}

function healthOf(base: Process, given: ManifestProcess, ports: Process['ports']): Process['health'] {
  if (given.health !== undefined) return given.health === 'none' ? undefined : given.health;
  if (given.ports === undefined) return base.health;
  // Ready is who takes connections, where nothing else is said.
  return ports.length === 0 ? undefined : { ...listening([], [DEFAULT_PORT]).health!, ...base.health };
}

function factorsOf({ processes = {}, auxiliary }: Manifest): Record<string, number> {
  const factors = Object.create(null) as Record<string, number>;
  for (const [name, { scale }] of Object.entries(processes))
    if (typeof scale === 'number') factors[name] = scale;
  for (const [name, { factor }] of auxiliary) factors[name] = factor;
  return factors;
}

function formationOf({ processes = {}, shares = {}, imports = {}, limits }: Manifest): FormationSpec {
  const scaling = Object.create(null) as Record<string, ScalingRule>;
  for (const [name, { scale }] of Object.entries(processes)) {
    if (typeof scale !== 'object') continue;
    const { min, max, target } = scale;
    scaling[name] = {
      min,
      max,
      target: {
        cpuPercent: target.cpu ?? 0,
        memoryPercent: target.memory ?? 0,
        requestsPerSecond: target.rps ?? 0,
        p95Ms: target.p95 ?? 0,
      },
    };
  }
  return {
    scaling,
    shares: Object.fromEntries(Object.entries(shares).map(([name, names]) => [name, { with: names }])),
    imports,
    ...(limits?.max_instances !== undefined && { limits: { maxInstances: limits.max_instances } }),
  };
}

function cronJobsOf({ cron = {} }: Manifest): CronJob[] {
  return Object.entries(cron).map(([name, job]) =>
    CronJob.fromPartial({
      metadata: { name },
      spec: {
        schedule: job.schedule,
        timeZone: job.time_zone ?? '',
        command: job.command ?? shellCommand(job.script ?? ''),
        process: job.process ?? '',
        overlap: job.overlap,
        catchUpMs: job.catch_up ?? 0,
        deadlineMs: job.deadline ?? 0,
        suspended: job.suspended ?? false,
      },
    }),
  );
}

function checkCronProcesses(
  { cron = {} }: Manifest,
  processes: Readonly<Record<string, Process>>,
  found: Faults,
): void {
  for (const [name, { process }] of Object.entries(cron)) {
    if (process === undefined || entryOf(processes, process)) continue;
    found.add(
      ['cron', name, 'process'],
      `is ${process}, which is no process: ${suggestion(process, Object.keys(processes))}`,
    );
  }
}

/** The control plane's own rules, each fault at its place in the file; but for those that what is stored is let off. */
function checkRelease({ release }: DesiredFormation, found: Faults): void {
  if (!release) return;
  try {
    validateRelease(release, expressionChecker, 'release', anyPrecedent);
  } catch (error) {
    if (!(error instanceof InvalidError)) throw error;
    for (const { field, description } of error.violations) found.say(pathOf(field), description);
  }
}

/** `release.processes.web.grace_ms` → `processes.web.grace`. */
function pathOf(field: string): Path {
  const [, top = '', name = '', key = '', ...rest] = field.split('.');
  if (top === 'config') return ['config', [name, key, ...rest].filter((part) => part !== '').join('.')];
  if (top !== 'processes') return [];
  const [, own = '', index] = /^([a-z_]+?)(?:_ms)?(?:\[(\d+)\])?$/.exec(key) ?? [];
  const path: (string | number)[] = [name.startsWith('_') ? 'auxiliary' : 'processes', name];
  if (own !== '') path.push(own);
  if (index !== undefined) path.push(Number(index));
  return [...path, ...rest.map((part) => part.replace(/_ms$/, ''))];
}
