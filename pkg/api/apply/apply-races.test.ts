import { UnavailableError } from '../../base/errors';
import { routes } from '../../resource/objects';
import { ApiHarness, testProcesses } from '../../testing/api-harness';
import {
  apply,
  config,
  factorsIn,
  formationOf,
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

describe('at the same time', () => {
  test('two applies both come to their end, one after the other', async () => {
    await Promise.all([
      apply(api, { ...shop, routes: [route('a', 'a.localhost/')] }),
      apply(api, { ...shop, routes: [route('b', 'b.localhost/')] }),
    ]);
    expect((await formationOf(api))?.status.lastRelease).toBe(1);
    expect((await api.store.list(routes)).items).toHaveLength(2);
    expect(await factorsIn(api)).toEqual({ v1: { web: 1, worker: 1 } });
  });

  test('invariant 4: two releases have two numbers', async () => {
    await apply(api, with_({ factors: { web: 0, worker: 0 } }));
    await Promise.all(
      Array.from({ length: 5 }, (_, index) =>
        apply(api, { release: { processes: testProcesses, config: { [`K${index}`]: '1' } } }),
      ),
    );
    expect((await formationOf(api))?.status.lastRelease).toBe(6);
    expect((await releaseOf(api, 'v6'))?.spec.config).toEqual({
      A: '1',
      K0: '1',
      K1: '1',
      K2: '1',
      K3: '1',
      K4: '1',
    });
  });

  test('a formation that is being deleted is not applied to', async () => {
    await apply(api, shop);
    // No controller leads here, as in all of these tests: apply asks for none. Read before the deletion, written after it: the transaction is refused, and the next look says why.
    const commit = api.store.commit.bind(api.store);
    const spy = jest.spyOn(api.store, 'commit').mockImplementationOnce(async (writes, guards, signal) => {
      spy.mockRestore();
      await api.client.formations.deleteFormation({ name: 'formations/shop' });
      return commit(writes, guards, signal);
    });
    await expect(apply(api, { routes: [route('a', 'a.localhost/')] })).rejects.toThrow('is being deleted');
    expect((await api.store.list(routes)).items).toEqual([]);
  });

  test('an apply whose answer was lost is asked again, and finds itself done', async () => {
    const commit = api.store.commit.bind(api.store);
    const spy = jest.spyOn(api.store, 'commit').mockImplementationOnce(async (writes, guards, signal) => {
      spy.mockRestore();
      await commit(writes, guards, signal);
      throw new UnavailableError('the store does not answer');
    });
    await expect(apply(api, shop)).rejects.toThrow(UnavailableError);
    expect((await apply(api, shop)).changes).toEqual([]);
    expect(await factorsIn(api)).toEqual({ v1: { web: 1, worker: 1 } });
  });

  test('a factor that is set meanwhile is not lost', async () => {
    await apply(api, shop);
    const commit = api.store.commit.bind(api.store);
    const spy = jest.spyOn(api.store, 'commit').mockImplementationOnce(async (writes, guards, signal) => {
      spy.mockRestore();
      await api.client.scales.updateScale({
        scale: { metadata: { formation: 'shop', name: 'v1' }, spec: { factors: { web: 5 } } },
        updateMask: ['factors.web'],
      });
      return commit(writes, guards, signal);
    });
    const made = await apply(api, config({ A: '2' }));
    expect(made.rollout?.spec?.factors).toEqual({ web: 5, worker: 1 });
  });
});
