import { shownRelease } from '../../api/release-secrets';
import type { SeededRandom } from '../../base/random';
import { SpawnRequest } from '../../gen/gilliam/v1/exec_service';
import { UpdateExecutorRequest } from '../../gen/gilliam/v1/executor_service';
import { CreateFormationRequest, DeleteFormationRequest } from '../../gen/gilliam/v1/formation_service';
import { InstanceState } from '../../gen/gilliam/v1/instance';
import { StopInstanceRequest } from '../../gen/gilliam/v1/instance_service';
import { CreateReleaseRequest } from '../../gen/gilliam/v1/release_service';
import { RolloutSpec_Intent } from '../../gen/gilliam/v1/rollout';
import {
  CreateRolloutRequest,
  RollbackRequest,
  UpdateRolloutRequest,
} from '../../gen/gilliam/v1/rollout_service';
import { UpdateScaleRequest } from '../../gen/gilliam/v1/scale_service';
import { executors, formations, instances, releases, rollouts, scales } from '../../resource/objects';
import type { Act } from './act';
import { below, formationOf, formationNames as names, oneOf } from './act';
import { image, software, type Flaw } from './software';
import type { World } from './world';

/** What users do. */
export const userActs: readonly Act[] = [
  {
    name: 'create',
    weight: 1,
    async perform(world, random) {
      const name = random.next() < 0.6 ? names[0] : names[1];
      const request = CreateFormationRequest.fromPartial({ formation: { metadata: { name } } });
      world.trace.add(`> create ${name}`);
      const { formation } = await world.user.call(({ formations: api }, call) =>
        api.createFormation(request, call),
      );
      world.checks.writes.acknowledged(formations, formation as never);
    },
  },
  {
    name: 'release',
    weight: 4,
    async perform(world, random) {
      const flaw = random.next();
      const formation = formationOf(world, random);
      await release(world, random, formation, { broken: flaw < 0.1, picky: flaw > 0.8 });
      // Mostly it is scaled, or migrated to, some time later.
      if (random.next() < 0.3) await scale(world, formation, { web: 1, worker: 1 });
    },
  },
  { name: 'sound release', weight: 0, perform: (world, random) => release(world, random, names[0], {}) },
  {
    name: 'fill',
    weight: 0,
    perform: (world, random) =>
      scale(world, names[0], { web: 2 + below(random, 2), worker: 2, _cache: 1, _db: 1 }),
  },
  ...(['broken', 'picky'] as const).map((flaw) => ({
    name: `${flaw} release`,
    weight: 0,
    perform: (world: World, random: SeededRandom) => release(world, random, names[0], { [flaw]: true }),
  })),
  { name: 'scale up', weight: 0, perform: (world) => scale(world, names[0], { web: 6, worker: 6 }) },
  {
    name: 'empty',
    weight: 0,
    perform: (world) => scale(world, names[0], { web: 0, worker: 0, _cache: 0, _db: 0 }),
  },
  { name: 'scale down', weight: 0, perform: (world) => scale(world, names[0], { web: 1, worker: 0 }) },
  {
    name: 'scale',
    weight: 7,
    perform: (world, random) => {
      const process = oneOf(random, ['web', 'web', 'web', 'worker', 'worker', '_cache', '_db']);
      const factor = random.next() < 0.2 ? 0 : process === '_db' ? 1 : 1 + below(random, 5);
      return scale(world, formationOf(world, random), { [process]: factor });
    },
  },
  {
    name: 'race',
    weight: 2,
    async perform(world, random) {
      const before = world.history.list(scales)[0];
      if (!before) return;
      const { formation, name, revision } = before.metadata;
      world.trace.add(`> race for ${formation} ${name} at ${revision}`);
      const tries = [1, 2, 3].map((each) => {
        const request = UpdateScaleRequest.fromPartial({
          scale: {
            metadata: { formation, name, revision },
            spec: { factors: { web: each + below(random, 2) * 3 } },
          },
          updateMask: ['factors.web'],
        });
        return world.user
          .call(({ scales: api }, call) => api.updateScale(request, call))
          .catch(() => undefined);
      });
      const told = (await Promise.all(tries)).flatMap((answer) => answer?.scale?.metadata?.revision ?? []);
      // That it is so already is no change.
      world.checks.writes.onlyOne(`${formation} ${name}`, told.filter((one) => one !== revision).length);
    },
  },
  {
    name: 'migrate',
    weight: 4,
    async perform(world, random) {
      const formation = formationOf(world, random);
      const to = world.history.list(releases).findLast(({ metadata }) => metadata.formation === formation);
      const canary = random.next() < 0.4 ? { size: { $case: 'instances', value: 1 } as const } : undefined;
      const request = CreateRolloutRequest.fromPartial({
        parent: `formations/${formation}`,
        spec: { to: to?.metadata.name ?? 'v1', surge: below(random, 3), progressDeadlineMs: 45_000, canary },
      });
      world.trace.add(`> migrate ${formation} to ${request.spec?.to}${canary ? ' by a canary' : ''}`);
      const { rollout } = await world.user.call(({ rollouts: api }, call) =>
        api.createRollout(request, call),
      );
      world.checks.writes.acknowledged(rollouts, rollout as never);
    },
  },
  {
    name: 'decide',
    weight: 4,
    async perform(world, random) {
      const formation = formationOf(world, random);
      const intent = random.next() < 0.6 ? RolloutSpec_Intent.PROMOTE : RolloutSpec_Intent.ABORT;
      const request = UpdateRolloutRequest.fromPartial({
        rollout: { metadata: { formation, name: 'current' }, spec: { intent } },
        updateMask: ['intent'],
      });
      world.trace.add(`> ${intent} ${formation}`);
      await world.user.call(({ rollouts: api }, call) => api.updateRollout(request, call));
    },
  },
  {
    name: 'rollback',
    weight: 1,
    async perform(world, random) {
      const formation = formationOf(world, random);
      world.trace.add(`> rollback ${formation}`);
      const request = RollbackRequest.fromPartial({ parent: `formations/${formation}` });
      await world.user.call(({ rollouts: api }, call) => api.rollback(request, call));
    },
  },
  {
    name: 'cordon',
    weight: 3,
    async perform(world, random) {
      const name = oneOf(random, world.machines).name;
      const open = world.history.list(executors).filter(({ spec }) => !spec.cordoned);
      const spec = oneOf(random, [{ cordoned: true }, { draining: true }, { draining: true }]);
      // Somewhere things have to run.
      const last = open.length <= 2 || !open.some(({ metadata }) => metadata.name === name);
      const wish = last ? { cordoned: false } : spec;
      const request = UpdateExecutorRequest.fromPartial({
        executor: { metadata: { name }, spec: wish },
        updateMask: Object.keys(wish),
      });
      world.trace.add(`> ${name} ${JSON.stringify(wish)}`);
      const { executor } = await world.user.call(({ executors: api }, call) =>
        api.updateExecutor(request, call),
      );
      world.checks.writes.acknowledged(executors, executor as never);
    },
  },
  {
    name: 'spawn',
    weight: 2,
    async perform(world, random) {
      const formation = formationOf(world, random);
      const command = random.next() < 0.5 ? ['/bin/sh', '-c', `exit ${below(random, 2)}`] : ['sleep'];
      const request = SpawnRequest.fromPartial({
        parent: `formations/${formation}`,
        process: 'worker',
        command,
      });
      world.trace.add(`> spawn ${formation} ${command.join(' ')}`);
      const { instance } = await world.user.call(({ exec: api }, call) => api.spawn(request, call));
      world.checks.writes.acknowledged(instances, instance as never);
    },
  },
  {
    name: 'stop',
    weight: 2,
    async perform(world, random) {
      const living = world.history
        .list(instances)
        .filter(({ status }) => status.state === InstanceState.RUNNING);
      if (living.length === 0) return;
      const { formation, name } = oneOf(random, living).metadata;
      const replaceFirst = random.next() < 0.5;
      world.trace.add(`> ${replaceFirst ? 'replace' : 'stop'} ${formation}/${name}`);
      const request = StopInstanceRequest.fromPartial({
        name: `formations/${formation}/instances/${name}`,
        replaceFirst,
      });
      await world.user.call(({ instances: api }, call) => api.stopInstance(request, call));
    },
  },
  {
    name: 'delete',
    weight: 0.7,
    async perform(world, random) {
      const formation = formationOf(world, random);
      world.trace.add(`> delete ${formation}`);
      // Without that it is refused where there is data.
      const deleteVolumes = random.next() < 0.8;
      const request = DeleteFormationRequest.fromPartial({ name: `formations/${formation}`, deleteVolumes });
      await world.user.call(({ formations: api }, call) => api.deleteFormation(request, call));
    },
  },
];

async function release(world: World, random: SeededRandom, formation: string, flaw: Flaw): Promise<void> {
  const config = { SEED: String(below(random, 1e6)) };
  const request = CreateReleaseRequest.fromPartial({
    parent: `formations/${formation}`,
    spec: { image: image(random), processes: software(random, flaw), config },
    requestId: random.uuid(),
  });
  world.trace.add(`> release ${formation}${flaw.broken ? ' broken' : ''}${flaw.picky ? ' picky' : ''}`);
  const told = await world.user.call(({ releases: api }, call) => api.createRelease(request, call));
  // Its secrets are told to nobody.
  world.checks.writes.acknowledged(releases, told.release as never, shownRelease);
}

export async function scale(world: World, formation: string, factors: Record<string, number>): Promise<void> {
  const request = UpdateScaleRequest.fromPartial({
    scale: { metadata: { formation, name: '-' }, spec: { factors } },
    updateMask: Object.keys(factors).map((process) => `factors.${process}`),
  });
  world.trace.add(`> scale ${formation} ${JSON.stringify(factors)}`);
  const { scale: told } = await world.user.call(({ scales: api }, call) => api.updateScale(request, call));
  world.checks.writes.acknowledged(scales, told as never);
}
