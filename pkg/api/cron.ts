import { isDeepStrictEqual } from 'node:util';
import { ExhaustedError, ExistsError, NotFoundError, PreconditionError } from '../base/errors';
import { CronJobSpec, CronJobSpec_Overlap, CronJobStatus } from '../gen/gilliam/v1/cron_job';
import type { CronJob as CronJobMessage } from '../gen/gilliam/v1/cron_job';
import type { CronServiceService } from '../gen/gilliam/v1/cron_service';
import { MAX_CRON_JOBS } from '../resource/bounds';
import { isRunOf, newRun, overlapOf, whyNotRunnable } from '../resource/cron-run';
import { currentRelease } from '../resource/current-release';
import { isFinished, shortName } from '../resource/instance';
import { checkLabel, parseName, parseParent, quote, WILDCARD } from '../resource/names';
import { cronJobs, formations, instances, releases, rollouts, scales } from '../resource/objects';
import type { CronJob, Formation, Instance, Release } from '../resource/objects';
import { ROLLOUT } from '../resource/rollout';
import { suggestion } from '../resource/suggest';
import { checkCronJob } from '../resource/validate-cron-job';
import { checkLabels } from '../resource/validate-labels';
import { Violations } from '../resource/violations';
import type { Guard } from '../store/store';
import type { ApiContext } from './api-context';
import { by, type CallContext, type Handlers } from './call';
import { type Mask, readMask } from './masks';
import { newMetadata, requireFormation, requireLivingFormation } from './objects';
import { listPage, readPage } from './paging';
import { checkRevision, retryConflicts } from './retry';

const maskable = [
  ...['schedule', 'time_zone', 'command', 'process'],
  ...['overlap', 'catch_up_ms', 'deadline_ms', 'suspended'],
];

type Labels = Readonly<Record<string, string>>;

interface Change {
  readonly job: CronJob;
  readonly changed: boolean;
}

export function cronHandlers(context: ApiContext): Handlers<CronServiceService> {
  const { store, events } = context;

  async function require(key: { formation: string; name: string }, signal: AbortSignal): Promise<CronJob> {
    checkLabel('cron job name', key.name, 'name');
    const found = await store.get(cronJobs, key, signal);
    if (found) return found;
    await requireFormation(context, key.formation, signal);
    const known = (await store.list(cronJobs, { formation: key.formation }, signal)).items;
    const names = known.map(({ metadata }) => metadata.name);
    throw new NotFoundError(
      `${quote(key.formation)} has no cron job ${quote(key.name)}: ${suggestion(key.name, names)}`,
    );
  }

  async function current(formation: string, signal: AbortSignal): Promise<Release | undefined> {
    const all = await store.list(releases, { formation }, signal);
    const factors = await store.list(scales, { formation }, signal);
    const rollout = await store.get(rollouts, { formation, name: ROLLOUT }, signal);
    return currentRelease(all.items, factors.items, rollout);
  }

  async function create(given: CronJobMessage, parent: string, dry: boolean, { signal }: CallContext) {
    const formation = await requireLivingFormation(context, parent, signal);
    const name = given.metadata?.name ?? '';
    const spec = given.spec ?? CronJobSpec.fromPartial({});
    check(name, spec, await current(parent, signal), given.metadata?.labels);
    const existing = (await store.list(cronJobs, { formation: parent }, signal)).items;
    if (existing.some(({ metadata }) => metadata.name === name)) {
      return new ExistsError(`${quote(parent)} has a cron job ${quote(name)} already: update it`);
    }
    if (existing.length >= MAX_CRON_JOBS) {
      throw new ExhaustedError(
        `${quote(parent)} has ${existing.length} cron jobs, which is the limit: delete one first`,
      );
    }
    const metadata = newMetadata(context, { formation: parent, name }, given.metadata?.labels);
    const job: CronJob = { metadata, spec, status: CronJobStatus.fromPartial({}) };
    if (dry) return job;
    const write = { op: 'create', kind: cronJobs, object: job } as const;
    const revision = await store.commit([write], [stillThere(formation)], signal);
    return { ...job, metadata: { ...metadata, revision } };
  }

  async function update(given: CronJobMessage, mask: Mask | undefined, dry: boolean, signal: AbortSignal) {
    const { formation: parent = '', name = '', revision: wanted } = given.metadata ?? {};
    const formation = await requireLivingFormation(context, parent, signal);
    const before = await require({ formation: parent, name }, signal);
    checkRevision(`cron job ${quote(name)}`, wanted, before.metadata.revision);
    const spec = nextSpec(before.spec, given.spec ?? CronJobSpec.fromPartial({}), mask);
    check(name, spec, await current(parent, signal));
    if (isDeepStrictEqual(spec, before.spec)) return { job: before, changed: false };
    const metadata = { ...before.metadata, generation: before.metadata.generation + 1n };
    const job: CronJob = { ...before, metadata, spec };
    if (dry) return { job, changed: false };
    const write = { op: 'update', kind: cronJobs, object: job } as const;
    const revision = await store.commit([write], [stillThere(formation)], signal);
    return { job: { ...job, metadata: { ...metadata, revision } }, changed: true };
  }

  /** The run and the status that names it, so that the job's controller tells what becomes of it. */
  async function run(key: { formation: string; name: string }, signal: AbortSignal): Promise<Instance> {
    const formation = await requireLivingFormation(context, key.formation, signal);
    const job = await require(key, signal);
    const siblings = (await store.list(instances, { formation: key.formation }, signal)).items;
    const underWay = siblings.find((one) => isRunOf(job, one) && !isFinished(one.status.state));
    if (underWay && overlapOf(job) !== CronJobSpec_Overlap.ALLOW) {
      const name = shortName(underWay);
      throw new PreconditionError(
        `${name} is under way, and runs of ${quote(key.name)} may not overlap: wait, or gilliam stop ${name}`,
      );
    }
    const release = await current(key.formation, signal);
    const why = whyNotRunnable(job, release);
    if (!release || why !== undefined) throw new PreconditionError(why ?? 'there is no release to run');
    const now = new Date(context.clock.now());
    const made = newRun(job, release, siblings, { uid: context.random.uuid(), due: now, now });
    const lastMessage = `${shortName(made)} was started`;
    const status = { ...job.status, lastInstance: shortName(made), lastReason: 'Started', lastMessage };
    const after: CronJob = { ...job, status };
    const revision = await store.commit(
      [
        { op: 'create', kind: instances, object: made },
        { op: 'update', kind: cronJobs, object: after },
      ],
      [stillThere(formation)],
      signal,
    );
    return { ...made, metadata: { ...made.metadata, revision } };
  }

  function tell({ metadata }: CronJob, reason: string, message: string): void {
    const { formation, name, uid } = metadata;
    events.record({ formation, kind: cronJobs.name, name, uid, reason, message });
  }

  return {
    async createCronJob(request, call) {
      const parent = parseParent(request.parent);
      const { cronJob = {}, validateOnly } = request;
      const attempt = () => create(cronJob, parent, validateOnly, call);
      const job = await retryConflicts(context, attempt, call.signal);
      // Refused for good: not to be tried again, as one that was made meanwhile is.
      if (job instanceof ExistsError) throw job;
      if (!validateOnly) tell(job, 'Created', `cron job ${job.metadata.name} was created${by(call)}`);
      return { cronJob: job };
    },

    async getCronJob(request, call) {
      return { cronJob: await require(parseName(cronJobs, request.name), call.signal) };
    },

    async listCronJobs(request, call) {
      const parent = parseParent(request.parent, { wildcard: true });
      const page = readPage(request, `cronJobs/${parent}`);
      if (parent !== WILDCARD) await requireFormation(context, parent, call.signal);
      const formation = parent === WILDCARD ? undefined : parent;
      const { items, ...rest } = await listPage(store, { kind: cronJobs, formation }, page, call.signal);
      return { cronJobs: [...items], ...rest };
    },

    async updateCronJob(request, call) {
      const { cronJob: given = {}, validateOnly } = request;
      parseParent(`formations/${given.metadata?.formation ?? ''}`, { field: 'cron_job.metadata.formation' });
      checkLabel('cron job name', given.metadata?.name ?? '', 'cron_job.metadata.name');
      const mask = readMask(request.updateMask, maskable);
      const attempt = (): Promise<Change> => update(given, mask, validateOnly, call.signal);
      const { job, changed } = await retryConflicts(context, attempt, call.signal);
      if (changed) tell(job, 'Updated', `cron job ${job.metadata.name} was changed${by(call)}`);
      return { cronJob: job };
    },

    async deleteCronJob(request, call) {
      const key = parseName(cronJobs, request.name);
      const attempt = async () => {
        const before = await require(key, call.signal);
        const { revision } = before.metadata;
        const write = { op: 'delete', kind: cronJobs, key, revision } as const;
        if (!request.validateOnly) await store.commit([write], [], call.signal);
        return before;
      };
      const job = await retryConflicts(context, attempt, call.signal);
      if (!request.validateOnly) tell(job, 'Deleted', `cron job ${key.name} was deleted${by(call)}`);
      return { cronJob: job };
    },

    async runCronJob(request, call) {
      const key = parseName(cronJobs, request.name);
      const instance = await retryConflicts(context, () => run(key, call.signal), call.signal);
      const job = await require(key, call.signal);
      tell(job, 'Started', `${shortName(instance)} was started${by(call)}`);
      return { instance };
    },
  };
}

/** Against the processes of the current release: the job may be run in a later one, and is looked at again then. */
function check(name: string, spec: CronJobSpec, release?: Release, labels: Labels = {}): void {
  const found = new Violations();
  checkCronJob(name, spec, { processes: release?.spec.processes, found });
  checkLabels('label', labels, 'cron_job.metadata.labels', found);
  found.throwIfAny();
}

function nextSpec(before: CronJobSpec, asked: CronJobSpec, mask: Mask | undefined): CronJobSpec {
  if (!mask) return asked;
  return {
    schedule: mask.has('schedule') ? asked.schedule : before.schedule,
    timeZone: mask.has('time_zone') ? asked.timeZone : before.timeZone,
    command: mask.has('command') ? asked.command : before.command,
    process: mask.has('process') ? asked.process : before.process,
    overlap: mask.has('overlap') ? asked.overlap : before.overlap,
    catchUpMs: mask.has('catch_up_ms') ? asked.catchUpMs : before.catchUpMs,
    deadlineMs: mask.has('deadline_ms') ? asked.deadlineMs : before.deadlineMs,
    suspended: mask.has('suspended') ? asked.suspended : before.suspended,
  };
}

/** Nothing is made of a formation that is being deleted: it would outlive it. */
function stillThere({ metadata }: Formation): Guard {
  const { name, revision } = metadata;
  return { guard: 'object', kind: formations, key: { formation: '', name }, revision };
}
