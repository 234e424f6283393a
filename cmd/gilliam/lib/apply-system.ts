import { resolve } from 'node:path';
import { ConflictError, GilliamError, InternalError, NotFoundError } from '../../../pkg/base/errors';
import type { Client } from '../../../pkg/client/client';
import type { ApplyFormationResponse, DesiredFormation } from '../../../pkg/gen/gilliam/v1/apply_service';
import type { BuiltSource } from '../../../pkg/gen/gilliam/v1/formation';
import type { Release } from '../../../pkg/gen/gilliam/v1/release';
import { RolloutPhase } from '../../../pkg/gen/gilliam/v1/rollout';
import { toDesired } from '../../../pkg/manifest/desired';
import { checkNeeded, inSteps } from '../../../pkg/manifest/order';
import type { Context } from '../context';
import type { FoundFile } from './apply-files';
import {
  type BuildAround,
  buildImages,
  type Images,
  knownImages,
  planImages,
  type WithImages,
  withImages,
} from './apply-images';
import { collect, loadManifests, type LoadOptions } from './apply-load';
import { changesAnything, type FormationPlan, planName } from './apply-plan';
import { withSources } from './apply-source';
import { readAuthor } from './git';
import { listAll } from './list-all';
import { mapBounded } from './map-bounded';
import { readText } from './user-file';

// What the control plane answers side by side without anybody else waiting.
const concurrency = 8;

/** One formation of the system, and all that is wished for it. */
export interface Member extends WithImages {
  /** As far as it can be told before images are built. */
  readonly desired: DesiredFormation;
  readonly builds: ReadonlyMap<string, string>;
}

/** Formations that are applied together, in steps: what is in a step needs earlier ones only. */
export interface System {
  readonly members: readonly Member[];
  readonly steps: readonly (readonly Member[])[];
  /** Source → image, of what is there already. */
  readonly known: Map<string, string>;
  readonly author: string;
}

/** How, besides what is described, it is applied. */
export interface Mode {
  readonly prune: boolean;
  /** Begin again what was taken back. */
  readonly retry: boolean;
}

export interface ApplyOptions extends Mode {
  readonly message?: string;
}

type Around = Pick<Context, 'env' | 'signal'>;

/** Reads manifests, sources and newest releases. Throws what is wrong with any of them; changes nothing. */
export async function readSystem(
  client: Client,
  files: readonly FoundFile[],
  load: LoadOptions,
  { message, signal, env }: Around & Pick<ApplyOptions, 'message'>,
): Promise<System> {
  const loaded = loadManifests(files, load);
  // What the files alone say is checked before anything is read of sources or asked of the stage.
  const order = inSteps(loaded);
  const [sourced, newest, built, author] = await Promise.all([
    withSources(loaded, { env, signal }),
    mapBounded(loaded, concurrency, ({ formation, manifest }) =>
      // Where nothing is ever built, what was built last is of no interest; what others may need of it is.
      manifest.image !== undefined && manifest.auxiliary.size === 0 && loaded.length === 1
        ? undefined
        : findNewest(client, formation, signal),
    ),
    loaded.some(({ manifest }) => manifest.image === undefined) ? builtSources(client, signal) : undefined,
    readAuthor(load.cwd, { env, signal }),
  ]);
  const items = sourced.map((item, index) => withImages(item, newest[index], built?.get(item.formation)));
  const known = knownImages(items);
  const members = collect(items, (item): Member => {
    const plan = planImages(item, known);
    const builds = new Map<string, string>();
    if (plan.buildsApp && item.source)
      builds.set(item.source.hash, `commit ${item.source.commit.slice(0, 7)}`);
    for (const name of plan.services) {
      const { type, version } = item.manifest.auxiliary.get(name) ?? {};
      builds.set(item.trees.get(name)?.hash ?? '', `${type?.type} ${version}`);
    }
    const options = { author, ...(message !== undefined && { message }) };
    return { ...item, builds, desired: wish(item, plan, options) };
  });
  checkNeeded(members);
  const byName = new Map(members.map((member) => [member.formation, member]));
  const steps = order.map((step) => step.flatMap(({ formation }) => byName.get(formation) ?? []));
  return { members, steps, known, author };
}

/** What would be done to each, as the control plane says; throws what it refuses. Writes nothing. */
export async function planSystem(
  client: Client,
  { steps }: System,
  { prune, retry, signal }: Mode & Pick<Context, 'signal'>,
): Promise<FormationPlan[]> {
  const plans = await mapBounded(steps.flat(), concurrency, async ({ formation, desired, builds }) => ({
    formation,
    builds,
    answer: await call(client, { formation, desired, prune, retry, validateOnly: true }, signal),
  }));
  if (plans.every(changesAnything)) return plans;
  const atCanary = await canaries(client, signal);
  return plans.map((plan) => {
    const release = atCanary.get(plan.formation);
    return changesAnything(plan) || release === undefined ? plan : { ...plan, atCanary: release };
  });
}

/** Formation → the release that waits at its canary. */
async function canaries(client: Client, signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
  const { items } = await listAll(
    (pageToken) => client.rollouts.listRollouts({ parent: 'formations/-', pageToken }, { signal }),
    ({ rollouts }) => rollouts,
  );
  const waiting = items.filter(({ status }) => status?.phase === RolloutPhase.PAUSED);
  return new Map(waiting.map(({ metadata, spec }) => [metadata?.formation ?? '', spec?.to ?? '']));
}

/** Throws ConflictError unless the plan is the one that was seen. */
export function requirePlan(plans: readonly FormationPlan[], expected: string): void {
  const name = planName(plans);
  if (name === expected) return;
  throw new ConflictError(
    `the plan is ${name} now, not ${expected}: something has changed since: look at gilliam apply --plan again`,
  );
}

/** A formation with its images, ready to be applied. */
export interface Ready extends Member {
  /** The plan that was made last: what is applied is this, or nothing. */
  readonly plan: FormationPlan;
}

/** Builds what is missing for the formations, then has all of them validated with it, before any of them is written. */
export async function makeReady(
  client: Client,
  system: System,
  plans: readonly FormationPlan[],
  around: BuildAround & ApplyOptions,
): Promise<ReadonlyMap<string, Ready>> {
  const changed = new Map(plans.map((plan) => [plan.formation, plan]));
  const built: Member[] = [];
  for (const member of system.members) {
    if (!changed.has(member.formation)) continue;
    if (member.builds.size === 0) {
      built.push(member);
      continue;
    }
    const images = await buildImages(client, member, system.known, around);
    built.push({ ...member, desired: wish(member, images, { author: system.author, ...around }) });
  }
  const ready = await mapBounded(built, concurrency, async (member): Promise<Ready> => {
    const known = changed.get(member.formation) as FormationPlan;
    if (member.builds.size === 0) return { ...member, plan: known };
    const { formation, desired } = member;
    const { prune, retry } = around;
    const answer = await call(
      client,
      { formation, desired, prune, retry, validateOnly: true },
      around.signal,
    );
    return { ...member, plan: { formation, answer, builds: new Map() } };
  });
  return new Map(ready.map((member) => [member.formation, member]));
}

/** Applies one formation, as it was planned and no other way. */
export function applyMember(
  client: Client,
  { formation, desired, plan }: Ready,
  { prune, retry }: Mode,
  signal: AbortSignal,
): Promise<ApplyFormationResponse> {
  return call(
    client,
    { formation, desired, prune, retry, validateOnly: false, expectedPlan: plan.answer.plan },
    signal,
  );
}

interface Request extends Mode {
  readonly formation: string;
  readonly desired: DesiredFormation;
  readonly validateOnly: boolean;
  readonly expectedPlan?: string;
}

async function call(
  client: Client,
  { formation, ...request }: Request,
  signal: AbortSignal,
): Promise<ApplyFormationResponse> {
  try {
    return await client.apply.applyFormation({ name: `formations/${formation}`, ...request }, { signal });
  } catch (error) {
    // Of several formations, a person has to know which.
    if (
      error instanceof GilliamError &&
      !(error instanceof InternalError) &&
      !error.message.includes(formation)
    ) {
      error.message = `${formation}: ${error.message}`;
    }
    throw error;
  }
}

function wish(
  { formation, manifest, directory, source, detected }: WithImages,
  { image, images }: Images,
  { author, message }: { readonly author: string; readonly message?: string },
): DesiredFormation {
  return toDesired(manifest, {
    formation,
    image,
    images,
    processes: detected,
    readFile: (path) => readText(resolve(directory, path), path),
    // Of an image that was built before, too: its source is in this commit the same.
    ...(source && { source: source.hash, commit: source.commit }),
    message: message ?? source?.subject ?? '',
    author,
  });
}

/** Formation → what its last build was made of, and came to. */
async function builtSources(client: Client, signal: AbortSignal): Promise<Map<string, BuiltSource>> {
  const { items } = await listAll(
    (pageToken) => client.formations.listFormations({ pageToken, pageSize: 5_000 }, { signal }),
    ({ formations }) => formations,
  );
  return new Map(
    items.flatMap(({ metadata, status }) =>
      status?.built ? [[metadata?.name ?? '', status.built] as const] : [],
    ),
  );
}

async function findNewest(
  client: Client,
  formation: string,
  signal: AbortSignal,
): Promise<Release | undefined> {
  try {
    const name = `formations/${formation}/releases/-`;
    return (await client.releases.getRelease({ name }, { signal })).release;
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    throw error;
  }
}
