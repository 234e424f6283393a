import { routes } from '../../resource/objects';
import { ApiHarness, testImage, testProcesses } from '../../testing/api-harness';
import {
  apply,
  config,
  type Desired,
  formationOf,
  linesOf,
  nightly,
  processes,
  releaseOf,
  route,
  shop,
} from '../../testing/apply-rig';

let api: ApiHarness;
beforeEach(async () => {
  api = await ApiHarness.start();
});
afterEach(() => api.close());

describe('prune', () => {
  test('is needed for what formations have to go: limits, rules, shares and imports', async () => {
    await api.client.formations.createFormation({ formation: { metadata: { name: 'accounts' } } });
    const described = {
      limits: { maxInstances: 10 },
      scaling: { web: { min: 1, max: 5 }, worker: { min: 1, max: 2 } },
      shares: { _cache: { with: ['accounts'] } },
      imports: { users: 'web.accounts' },
    };
    const wish = processes({ _cache: { image: testImage, auxiliary: { type: 'redis' } } });
    await apply(api, { ...wish, formation: described });
    const more = { imports: { mail: 'web.mail' } };
    const made = await apply(api, { ...wish, formation: more, factors: { worker: 1 } });
    expect(linesOf(made)).toEqual([
      '- formation shop scaling.worker 1 to 2',
      '+ formation shop imports.mail web.mail',
    ]);
    expect((await formationOf(api))?.spec).toMatchObject({
      limits: described.limits,
      shares: described.shares,
      imports: { users: 'web.accounts', mail: 'web.mail' },
    });
    expect(Object.keys((await formationOf(api))?.spec.scaling ?? {})).toEqual(['web']);
    await apply(api, { ...wish, formation: more }, { prune: true });
    expect((await formationOf(api))?.spec).toEqual({
      limits: undefined,
      scaling: {},
      shares: {},
      imports: more.imports,
    });
  });

  const all: Desired = {
    ...shop,
    routes: [route('a', 'a.localhost/'), route('b', 'b.localhost/')],
    cronJobs: [nightly],
  };
  const less: Desired = {
    release: { processes: { web: testProcesses.web } },
    routes: [route('b', 'b.localhost/')],
  };
  const namesOf = async () =>
    (await api.store.list(routes)).items.map(({ metadata }) => metadata.name).sort();

  test('is never by default', async () => {
    await apply(api, all);
    const { changes } = await apply(api, less);
    expect(changes).toEqual([]);
    expect(await namesOf()).toEqual(['a', 'b']);
  });

  test('removes what was applied, and nothing else', async () => {
    await api.shop();
    await api.client.releases.createRelease({
      parent: 'formations/shop',
      spec: { processes: { ...testProcesses, debug: { command: ['debug'] } } },
      updateMask: ['processes'],
    });
    await api.client.routes.createRoute({
      parent: 'formations/shop',
      route: route('mine', 'mine.localhost/'),
    });
    await apply(api, { ...all, ...config({ A: '2' }) });
    await api.client.releases.createRelease({
      parent: 'formations/shop',
      spec: { config: { B: '1' } },
      updateMask: ['config.B'],
    });
    const pruned = await apply(api, less, { prune: true });
    expect(linesOf(pruned)).toEqual([
      '+ release v5',
      '- release v5 processes.worker work',
      '+ rollout v3 to v5',
      '- route a a.localhost/ → web.shop.service',
      '- cron nightly 30 2 * * * backup',
    ]);
    expect(await namesOf()).toEqual(['b', 'mine']);
    expect(Object.keys((await releaseOf(api, 'v5'))?.spec.processes ?? {}).sort()).toEqual(['debug', 'web']);
    expect(pruned.rollout?.spec).toMatchObject({ allowMissing: true, factors: { web: 1, debug: 1 } });
  });
});
