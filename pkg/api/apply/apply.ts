import type { ConflictError } from '../../base/errors';
import type { ApplyFormationResponse, ApplyServiceService } from '../../gen/gilliam/v1/apply_service';
import { FormationSpec } from '../../gen/gilliam/v1/formation';
import { ScaleSpec, ScaleStatus } from '../../gen/gilliam/v1/scale';
import { validateScale } from '../../resource/validate-scale';
import type { ApiContext } from '../api-context';
import type { CallContext, Handlers } from '../call';
import { checkSize } from '../check-size';
import { requireShares } from '../import-check';
import { newMetadata } from '../objects';
import { newSecret, shownRelease } from '../release-secrets';
import { retryConflicts, StaleRevisionError } from '../retry';
import { Refused, RouteStore, type Part } from '../route-store';
import { RouteTable } from '../route-table';
import { cronEdits } from './cron-edits';
import { factorsOf } from './factors';
import { nextRelease } from './next-release';
import { changesNothing, planApply, type ApplyPlan } from './plan';
import { routeEdits } from './route-edits';
import { readState, type FormationState } from './state';
import { happenings } from './told';
import { checkNewName, readWish, validateWish, type Wish } from './wish';
import { madeBy, partOf, type Made } from './writes';

/** Stands for an image that is still to be built, in plans. */
const toBeBuilt = `sha256:${'0'.repeat(64)}`;

export function applyHandlers(context: ApiContext): Handlers<ApplyServiceService> {
  const { store, events } = context;
  const routeStore = new RouteStore(context, new RouteTable());

  async function plan(wish: Wish, state: FormationState, call: CallContext): Promise<ApplyPlan> {
    const { desired, prune, name } = wish;
    const release = nextRelease(state, {
      release: desired.release,
      prune,
      makeSecret: () => newSecret(context.random),
    });
    validateWish(wish, release, state);
    const routes = await routeEdits(context, state, wish);
    const made = planApply({ state, wish, release, routes, cronJobs: cronEdits(context, state, wish) });
    if (made.movement.kind !== 'none') checkFactors(context, made, state, wish);
    if (routes.length > 0) await routeStore.check(routes, call.signal);
    // Of several formations that are planned at once, one may be about to share what another one imports.
    if (!wish.validateOnly) {
      const before = state.formation?.spec ?? FormationSpec.fromPartial({});
      await requireShares(context, { name, before, after: made.spec }, call.signal);
    }
    return made;
  }

  async function attempt(wish: Wish, call: CallContext): Promise<ApplyFormationResponse> {
    const state = await readState(context, wish.name, call.signal);
    if (!state.formation) checkNewName(wish);
    const planned = await plan(wish, state, call);
    if (wish.expectedPlan !== '' && wish.expectedPlan !== planned.hash) throw stale(wish, planned);
    if (changesNothing(planned, state)) return answer(planned, state);
    const made = madeBy(context, planned, state);
    const transaction = join(
      partOf(made, planned, state),
      await routeStore.part(planned.routes, call.signal),
    );
    checkSize(transaction, wish.name, 'apply some of its routes first, or make two formations of it');
    if (wish.validateOnly) return answer(planned, state, made);
    const revision = await store.commit(transaction.writes, transaction.guards, call.signal);
    for (const happening of happenings(planned, made, state, call)) events.record(happening);
    return answer(planned, state, made, revision);
  }

  return {
    async applyFormation(request, call) {
      const wish = readWish(request);
      try {
        return await retryConflicts(context, () => attempt(wish, call), call.signal);
      } catch (error) {
        throw error instanceof Refused ? error.error : error;
      }
    },
  };
}

/** Throws PreconditionError, InvalidError or ExhaustedError for factors that the formation cannot have. */
function checkFactors(
  context: ApiContext,
  { release, factors, spec }: ApplyPlan,
  { formation, name }: FormationState,
  { validateOnly }: Wish,
): void {
  if (!release) return;
  const metadata = newMetadata(context, { formation: name, name: release.name });
  const image = release.spec.image || (validateOnly ? toBeBuilt : '');
  const before = Object.fromEntries(factors.map((change) => [change.process, change.before]));
  const after = factorsOf(factors);
  const scale = {
    metadata,
    spec: ScaleSpec.fromPartial({ factors: before }),
    status: ScaleStatus.fromPartial({}),
  };
  validateScale({
    formation: {
      metadata: formation?.metadata ?? newMetadata(context, { name }),
      spec,
      status: formation?.status ?? { observedGeneration: 0n, conditions: [], lastRelease: 0 },
    },
    release: { metadata, spec: { ...release.spec, image } },
    scales: [scale],
    named: after,
    factors: after,
  });
}

function join(left: Part, right: Part): Part {
  return { writes: [...left.writes, ...right.writes], guards: [...left.guards, ...right.guards] };
}

class StalePlanError extends StaleRevisionError {}

function stale({ name, expectedPlan }: Wish, { hash }: ApplyPlan): ConflictError {
  return new StalePlanError(
    `what was planned for ${name} (${expectedPlan}) is not what would be done now (${hash}): somebody has changed it since, look at the plan again`,
  );
}

function answer(
  { hash, changes, instances, release, movement }: ApplyPlan,
  { newest }: FormationState,
  made?: Made,
  revision = 0n,
): ApplyFormationResponse {
  const at = <T extends { readonly metadata: { readonly revision: bigint } }>(object: T): T => ({
    ...object,
    metadata: { ...object.metadata, revision },
  });
  const shown = made?.release ? at(made.release) : release && newest;
  return {
    plan: hash,
    changes: [...changes],
    instances: [...instances],
    release: shown && shownRelease(shown),
    rollout: made?.rollout && at(made.rollout),
    held: (movement.kind === 'none' && movement.held) || '',
  };
}
