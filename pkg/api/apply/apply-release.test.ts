import { ReleaseSpec } from '../../gen/gilliam/v1/release';
import { type Release, releases } from '../../resource/objects';
import { ApiHarness, eventually, testImage, testProcesses } from '../../testing/api-harness';
import {
  apply,
  formationOf,
  linesOf,
  otherImage,
  releaseOf,
  route,
  shop,
  with_,
} from '../../testing/apply-rig';

let api: ApiHarness;
beforeEach(async () => {
  api = await ApiHarness.start();
});
afterEach(() => api.close());

describe('a release', () => {
  test('is made of what is said and what there is: config is added to, the image stays', async () => {
    await apply(api, with_({ factors: { web: 0, worker: 0 } }));
    await api.client.releases.createRelease({
      parent: 'formations/shop',
      spec: { config: { B: '2' } },
      updateMask: ['config.B'],
    });
    const made = await apply(api, {
      release: { processes: testProcesses, config: { A: 'new' }, message: 'why' },
    });
    expect(linesOf(made)).toEqual(['+ release v3 why', '~ release v3 config.A 1 → new']);
    expect((await releaseOf(api, 'v3'))?.spec).toMatchObject({
      image: testImage,
      config: { A: 'new', B: '2' },
    });
  });

  test('says what changes in it, field by field', async () => {
    await apply(api, with_({ factors: { web: 0, worker: 0 } }));
    const planned = await apply(
      api,
      {
        release: {
          image: otherImage,
          config: { A: '1', C: 'x' },
          processes: {
            web: {
              command: ['/bin/sh', '-c', 'exec serve --fast'],
              ports: [{ containerPort: 9090 }],
              env: { LEVEL: 'debug', EMPTY: '' },
              resources: { memoryBytes: 256n << 20n },
            },
            worker: testProcesses.worker,
            cron: { command: ['tick', 'a b'] },
          },
        },
      },
      { validateOnly: true },
    );
    expect(linesOf(planned)).toEqual([
      '+ release v2',
      `~ release v2 image ${testImage} → ${otherImage}`,
      '+ release v2 config.C x',
      '+ release v2 processes.cron tick "a b"',
      '~ release v2 processes.web.script serve → serve --fast',
      '~ release v2 processes.web.ports 8080 → 9090',
      '+ release v2 processes.web.env.LEVEL debug',
      '+ release v2 processes.web.env.EMPTY',
      '+ release v2 processes.web.resources.memory 256 MiB',
      '~ scale cron 0 → 1',
    ]);
  });

  test('goes on with what was said before it was refused', async () => {
    await apply(api, shop);
    const v1 = await api.store.get(releases, { formation: 'shop', name: 'v1' });
    if (!v1) throw new Error('no release');
    const db = { volumes: [{ name: 'a-2-b', path: '/data' }] };
    const spec = ReleaseSpec.fromPartial({ ...v1.spec, processes: { ...v1.spec.processes, db } });
    const stored: Release = { ...v1, spec };
    await api.store.commit([{ op: 'update', kind: releases, object: stored }]);
    const { processes: known } = spec;
    const wish = { ...shop, release: { ...shop.release, processes: known, config: { A: '2' } } };
    await eventually(async () => expect((await apply(api, wish)).release?.metadata?.name).toBe('v2'));
    const clash = { ...known, 'db-1-a': { volumes: [{ name: 'b', path: '/data' }] } };
    await expect(apply(api, { ...shop, release: { ...shop.release, processes: clash } })).rejects.toThrow(
      'process db-1-a: volume name "b" is not allowed: it could be taken for "a-2-b" of db',
    );
  });

  test('is not made for routes alone', async () => {
    await apply(api, shop);
    const { changes } = await apply(api, { routes: [route('a', 'a.localhost/')] });
    expect(changes).toHaveLength(1);
    expect((await formationOf(api))?.status.lastRelease).toBe(1);
  });
});
