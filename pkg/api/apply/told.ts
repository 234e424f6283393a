import type { Happening } from '../../resource/event';
import {
  cronJobs,
  formations,
  releases,
  routes,
  type Formation,
  type Kind,
  type Release,
  type Rollout,
  type StoredObject,
} from '../../resource/objects';
import { by, type CallContext } from '../call';
import { routeInShort } from './describe';
import type { ApplyPlan } from './plan';
import type { FormationState } from './state';
import type { Made } from './writes';

type Told = Omit<Happening, 'at'>;

/** What is told of a plan that was carried out. */
export function happenings(
  plan: ApplyPlan,
  { formation, release, scale, rollout }: Made,
  state: FormationState,
  call: CallContext,
): readonly Told[] {
  const who = by(call);
  const tell = (kind: Kind<StoredObject>, object: StoredObject, reason: string, message: string): Told => ({
    formation: state.name,
    kind: kind.name,
    name: object.metadata.name,
    uid: object.metadata.uid,
    reason,
    message: message.slice(0, 1_000),
  });
  const told = formationTold(plan, formation, state, who);
  const why = release?.spec.message ? `: ${release.spec.message}` : '';
  return [
    ...told.map(([reason, message]) => tell(formations, formation, reason, message)),
    ...(release
      ? [tell(releases, release, 'Created', `${release.metadata.name} was released${who}${why}`)]
      : []),
    ...(scale
      ? [
          tell(
            releases,
            scale,
            'Scaled',
            `${scale.metadata.name} was scaled to ${factorsText(scale.spec.factors)}${who}`,
          ),
        ]
      : []),
    ...(rollout ? [rolloutTold(rollout, release, tell, who)] : []),
    ...plan.routes.map(({ before, after }) => {
      const route = after?.route ?? before;
      const [reason, what] = verbOf(before, after);
      const leads = route ? routeInShort(route.spec) : '';
      return tell(
        routes,
        route as StoredObject,
        reason,
        `route ${route?.metadata.name} was ${what}${who}: ${leads}`,
      );
    }),
    ...plan.cronJobs.map(({ before, after }) => {
      const job = (after ?? before) as StoredObject;
      const [reason, what] = verbOf(before, after);
      return tell(cronJobs, job, reason, `cron job ${job.metadata.name} was ${what}${who}`);
    }),
  ];
}

function rolloutTold(
  { metadata, spec }: Rollout,
  release: Release | undefined,
  tell: (kind: Kind<StoredObject>, object: StoredObject, reason: string, message: string) => Told,
  who: string,
): Told {
  const about = { metadata: { ...metadata, name: spec.to, uid: release?.metadata.uid ?? '' } };
  const message = `a rollout from ${spec.from.join(' and ')} to ${spec.to} began${who}`;
  return tell(releases, about, 'RolloutBegan', message);
}

function formationTold(
  { specChanges, changes }: ApplyPlan,
  { metadata }: Formation,
  state: FormationState,
  who: string,
): readonly (readonly [string, string])[] {
  const { name } = metadata;
  if (!state.formation) return [['Created', `formation ${name} was created${who}`]];
  if (!specChanges) return [];
  const fields = changes.filter(({ object }) => object === `formation ${name}`).map(({ field }) => field);
  return [['Updated', `formation ${name} was changed${who}: ${fields.join(', ')}`]];
}

function verbOf(before: unknown, after: unknown): readonly [string, string] {
  if (!before) return ['Created', 'created'];
  return after ? ['Updated', 'changed'] : ['Deleted', 'deleted'];
}

function factorsText(factors: Readonly<Record<string, number>>): string {
  const entries = Object.entries(factors).sort(([left], [right]) => (left < right ? -1 : 1));
  return entries.map(([name, factor]) => `${name}=${factor}`).join(' ') || 'nothing';
}
