import fc from 'fast-check';
import { PreconditionError } from '../../base/errors';
import { RolloutPhase } from '../../gen/gilliam/v1/rollout';
import { releases, type Release } from '../../resource/objects';
import { isUnderWay } from '../../resource/rollout';
import { ApiHarness, testImage } from '../../testing/api-harness';
import { apply, type Desired, factorsIn, finishRollout, rolloutOf } from '../../testing/apply-rig';

const names = ['web', 'worker', '_cache'] as const;
const process = (name: string, level: string) =>
  name === '_cache'
    ? { image: testImage, env: { LEVEL: level }, auxiliary: { type: 'redis' } }
    : { command: [name], env: { LEVEL: level } };

const level = fc.constantFrom('a', 'b');
const wishes: fc.Arbitrary<Desired> = fc
  .record({
    processes: fc.dictionary(fc.constantFrom(...names), level, { minKeys: 1 }),
    factors: fc.dictionary(fc.constantFrom(...names), fc.nat({ max: 3 })),
    config: fc.dictionary(fc.constantFrom('A', 'B'), level),
    routes: fc.dictionary(fc.constantFrom('one', 'two'), fc.constantFrom('a', 'b', 'c', 'same')),
    cron: fc.option(level, { nil: undefined }),
    max: fc.option(fc.constantFrom(4, 9), { nil: undefined }),
  })
  .map(({ processes, factors, config, routes, cron, max }) => ({
    release: {
      image: testImage,
      config,
      processes: Object.fromEntries(Object.entries(processes).map(([name, at]) => [name, process(name, at)])),
    },
    factors: Object.fromEntries(Object.entries(factors).filter(([name]) => Object.hasOwn(processes, name))),
    formation: max === undefined ? undefined : { scaling: { [Object.keys(processes)[0] ?? '']: { max } } },
    routes: Object.entries(routes).map(([name, pattern]) => ({
      metadata: { name },
      spec: {
        pattern: pattern === 'same' ? 'same.localhost/' : `${name}-${pattern}.localhost/`,
        target: 'web.shop.service',
      },
    })),
    cronJobs:
      cron === undefined
        ? []
        : [{ metadata: { name: 'nightly' }, spec: { schedule: '@daily', command: [cron] } }],
  }));

type Step =
  | { readonly kind: 'apply'; readonly wish: Desired; readonly prune: boolean }
  | { readonly kind: 'finish'; readonly phase: RolloutPhase }
  | { readonly kind: 'scale'; readonly factor: number }
  | { readonly kind: 'config'; readonly value: string };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant('apply' as const), wish: wishes, prune: fc.boolean() }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('finish' as const),
        phase: fc.constantFrom(RolloutPhase.SUCCEEDED, RolloutPhase.SUCCEEDED, RolloutPhase.ABORTED),
      }),
    },
    fc.record({ kind: fc.constant('scale' as const), factor: fc.nat({ max: 3 }) }),
    fc.record({ kind: fc.constant('config' as const), value: level }),
  ),
  { minLength: 3, maxLength: 12 },
);

/** All but events, which are written after the fact. */
async function contentOf({ memory }: ApiHarness): Promise<string> {
  const at = memory.server.revision;
  const all = [...memory.server.range('', '~', at)].filter(([path]) => !path.startsWith('events/'));
  return JSON.stringify(all.map(([path, { revision }]) => [path, String(revision)]));
}

async function check(api: ApiHarness, wish: Desired, prune: boolean): Promise<void> {
  const planned = await apply(api, wish, { prune, validateOnly: true }).catch(
    (error: unknown) => error as Error,
  );
  const before = await contentOf(api);
  const done = await apply(api, wish, {
    prune,
    expectedPlan: planned instanceof Error ? '' : planned.plan,
  }).catch((error: unknown) => error as Error);
  if (planned instanceof Error || done instanceof Error) {
    // A plan is refused where its doing is.
    expect((done as Error).message).toBe((planned as Error).message);
    expect(await contentOf(api)).toBe(before);
    return;
  }
  expect([done.changes, done.instances, done.plan]).toEqual([
    planned.changes,
    planned.instances,
    planned.plan,
  ]);
  if (done.changes.length === 0) expect(await contentOf(api)).toBe(before);
  const after = await contentOf(api);
  const again = await apply(api, wish, { prune });
  expect([again.changes, again.rollout]).toEqual([[], undefined]);
  expect(await contentOf(api)).toBe(after);
  const newest = (await api.store.get(releases, {
    formation: 'shop',
    name: again.release?.metadata?.name ?? '',
  })) as Release;
  expect(newest.spec.config).toMatchObject(wish.release?.config ?? {});
  expect(Object.keys(newest.spec.processes)).toEqual(
    expect.arrayContaining(Object.keys(wish.release?.processes ?? {})),
  );
}

test('what is planned is done, and applying it again changes nothing, whatever was before', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (taken) => {
      const api = await ApiHarness.start();
      try {
        for (const step of taken) {
          const rollout = await rolloutOf(api);
          const running = rollout !== undefined && isUnderWay(rollout);
          if (step.kind === 'apply') await check(api, step.wish, step.prune);
          if (step.kind === 'finish' && running) await finishRollout(api, step.phase);
          if (step.kind === 'scale') await scale(api, step.factor);
          if (step.kind === 'config') await configure(api, step.value);
        }
      } finally {
        await api.close();
      }
    }),
    { numRuns: 60 },
  );
}, 120_000);

/** By hand, whatever runs. */
async function scale(api: ApiHarness, factor: number): Promise<void> {
  const [name] = Object.keys(await factorsIn(api));
  if (name === undefined) return;
  await api.client.scales
    .updateScale({
      scale: { metadata: { formation: 'shop', name }, spec: { factors: { web: factor } } },
      updateMask: ['factors.web'],
    })
    .catch((error: unknown) => {
      if (!(error instanceof PreconditionError) && !/no process/.test((error as Error).message)) throw error;
    });
}

async function configure(api: ApiHarness, value: string): Promise<void> {
  const request = { parent: 'formations/shop', spec: { config: { B: value } }, updateMask: ['config.B'] };
  await api.client.releases.createRelease(request).catch((error: unknown) => {
    if (!/does not exist/.test((error as Error).message)) throw error;
  });
}
