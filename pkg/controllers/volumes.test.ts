import { InstanceState } from '../gen/gilliam/v1/instance';
import { shortName } from '../resource/instance';
import { formations, volumes } from '../resource/objects';
import { ControlHarness } from '../testing/control-harness';

const data = { volumes: [{ name: 'data', path: '/data' }] };

describe('volumes', () => {
  let stage: ControlHarness;

  beforeEach(() => (stage = new ControlHarness()));
  afterEach(() => stage.close());

  const begin = async () => {
    stage.start();
    await stage.formation('shop');
    await stage.releaseWith('shop', 'v2', { _db: data, web: {} });
    await stage.scale('shop', 'v2', { _db: 1 });
  };
  const all = async () =>
    (await stage.store.list(volumes, { formation: 'shop' })).items.map(
      ({ metadata, spec }) => `${metadata.name} on ${spec.executor}`,
    );
  const formation = () => stage.store.get(formations, { formation: '', name: 'shop' });
  const living = async () =>
    (await stage.living('shop')).map((each) => `${each.metadata.name} on ${each.spec.executor || 'nothing'}`);

  it('are made on the executor where the instance that has them is first placed', async () => {
    await begin();
    await stage.executor('e1');
    await stage.run(500);
    expect(await all()).toEqual(['_db-1-data on e1']);
    expect(await living()).toEqual(['_db-1-1 on e1']);
  });

  it('keep the next holder of the ordinal on that executor, however empty others are', async () => {
    await begin();
    await stage.executor('e1');
    await stage.run(500);
    await stage.executor('e2');
    await stage.scale('shop', 'v2', { web: 4 });
    await stage.run(1_000);
    await stage.scale('shop', 'v2', { _db: 0, web: 0 });
    await stage.run(1_000);
    expect(await living()).toEqual([]);
    expect(await all()).toEqual(['_db-1-data on e1']);
    await stage.scale('shop', 'v2', { _db: 1 });
    await stage.run(1_000);
    expect(await living()).toEqual(['_db-1-2 on e1']);
    expect(await all()).toEqual(['_db-1-data on e1']);
  });

  it('keep their service waiting, and say where they are, while that executor is lost', async () => {
    await begin();
    const e1 = await stage.executor('e1');
    await stage.run(500);
    await stage.executor('e2');
    await e1.disconnect();
    await stage.run(15_000);
    const [waiting] = await stage.living('shop');
    expect(waiting && shortName(waiting)).toBe('_db.1');
    expect(waiting?.status).toMatchObject({ state: InstanceState.PENDING, reason: 'Unschedulable' });
    expect(waiting?.status.message).toContain(
      'does not have volume _db-1-data, which is on e1, which is lost',
    );
    await e1.connect();
    await stage.run(2_000);
    expect(await living()).toEqual(['_db-1-2 on e1']);
  });

  it('are given to nobody once their deletion was asked for', async () => {
    await begin();
    await stage.executor('e1');
    await stage.run(500);
    await stage.scale('shop', 'v2', { _db: 0 });
    await stage.run(1_000);
    const [volume] = (await stage.store.list(volumes, { formation: 'shop' })).items;
    if (!volume) throw new Error('no volume');
    const deleted = { ...volume, metadata: { ...volume.metadata, deleted: new Date(stage.clock.now()) } };
    await stage.store.commit([{ op: 'update', kind: volumes, object: deleted }]);
    await stage.scale('shop', 'v2', { _db: 1 });
    await stage.run(1_000);
    expect(await living()).toEqual(['_db-1-2 on nothing']);
    const [now] = (await stage.store.list(volumes, { formation: 'shop' })).items;
    if (!now) throw new Error('no volume');
    const { name, formation, revision } = now.metadata;
    // As the API does when the executor has deleted it.
    await stage.store.commit([{ op: 'delete', kind: volumes, key: { formation, name }, revision }]);
    await stage.run(1_000);
    expect(await living()).toEqual(['_db-1-2 on e1']);
    expect(await all()).toEqual(['_db-1-data on e1']);
  });

  it('are deleted with their formation, and it is not forgotten before them', async () => {
    await begin();
    await stage.executor('e1');
    await stage.run(500);
    await stage.deleteFormation('shop');
    await stage.run(2_000);
    const [volume] = (await stage.store.list(volumes, { formation: 'shop' })).items;
    expect(volume?.metadata.deleted).toBeDefined();
    expect(await stage.living('shop')).toEqual([]);
    expect(await formation()).toBeDefined();
    if (!volume) throw new Error('no volume');
    const { name, revision } = volume.metadata;
    const key = { formation: 'shop', name };
    await stage.store.commit([{ op: 'delete', kind: volumes, key, revision }]);
    await stage.run(1_000);
    expect(await formation()).toBeUndefined();
  });

  it('do not hold up the end of their formation for ever, when their executor is lost', async () => {
    await begin();
    const e1 = await stage.executor('e1');
    await stage.run(500);
    await e1.disconnect();
    await stage.deleteFormation('shop');
    await stage.run(5_000);
    expect(await formation()).toBeDefined();
    await stage.run(15_000);
    expect(await all()).toEqual([]);
    expect(await formation()).toBeUndefined();
  });

  it('that get an instance become newer, so that a deletion decided before is refused', async () => {
    await begin();
    await stage.executor('e1');
    await stage.run(500);
    await stage.scale('shop', 'v2', { _db: 0 });
    await stage.run(1_000);
    const before = (await stage.store.list(volumes, { formation: 'shop' })).items[0]?.metadata.revision;
    await stage.scale('shop', 'v2', { _db: 1 });
    await stage.run(1_000);
    const after = (await stage.store.list(volumes, { formation: 'shop' })).items[0]?.metadata.revision;
    expect(after).toBeGreaterThan(before ?? 0n);
  });
});
