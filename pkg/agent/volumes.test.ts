import { InstanceState } from '../gen/gilliam/v1/instance';
import { Volume } from '../gen/gilliam/v1/volume';
import { AgentRig } from '../testing/agent-rig';
import { failures } from '../testing/fake-driver';
import { fakeTask } from '../testing/task';

const name = 'test.shop.web.1.data.v1';
const volume = (uid = 'v1', executor = 'e1') =>
  Volume.fromPartial({
    metadata: { uid, formation: 'shop', name: 'web-1-data' },
    spec: { service: 'web', ordinal: 1, volume: 'data', executor },
  });

const keeping = (uid = 'u1') => {
  const task = fakeTask(1, {
    process: { volumes: [{ name: 'data', path: '/data' }] },
    volumes: [volume('v1')],
  });
  if (task.instance?.metadata) Object.assign(task.instance.metadata, { uid, name: `web-1-${uid.slice(1)}` });
  return task;
};
describe('volumes', () => {
  let rig: AgentRig;

  beforeEach(async () => (rig = await new AgentRig().begin()));
  afterEach(() => rig.end());

  test('are made before the container that has them', async () => {
    rig.plane.assign(keeping());
    await rig.clock.advance(0);
    expect(rig.driver.calls.slice(0, 2)).toEqual([`create volume ${name}`, 'create web-1-1']);
    expect(rig.container('u1')?.spec.volumes).toMatchObject([{ name, path: '/data' }]);
  });

  test('are kept, and given to the next holder of the ordinal', async () => {
    rig.plane.assign(keeping());
    await rig.clock.advance(0);
    rig.plane.stop('u1');
    await rig.clock.advance(60_000);
    expect(rig.state('u1')).toBe(InstanceState.STOPPED);
    expect(rig.driver.volumes).toEqual([name]);
    rig.plane.assign(keeping('u2'));
    await rig.clock.advance(0);
    expect(rig.container('u2')?.spec.volumes).toMatchObject([{ name }]);
    expect(rig.driver.calls.filter((call) => call.startsWith('create volume'))).toHaveLength(1);
  });

  test('are deleted when that is asked for, and that is told', async () => {
    await rig.driver.createVolume({ name, labels: {} });
    rig.plane.deleteVolumes(volume());
    await rig.clock.advance(100);
    expect(rig.driver.volumes).toEqual([]);
    expect(rig.plane.volumesDeleted).toEqual(['v1']);
  });

  test('are deleted when no container has them any more', async () => {
    rig.plane.assign(keeping());
    await rig.clock.advance(0);
    rig.plane.deleteVolumes(volume());
    await rig.clock.advance(5_000);
    expect(rig.driver.volumes).toEqual([name]);
    expect(rig.plane.volumesDeleted).toEqual([]);
    rig.plane.stop('u1');
    await rig.clock.advance(60_000);
    expect(rig.driver.volumes).toEqual([]);
    expect(rig.plane.volumesDeleted).toEqual(['v1']);
  });

  test('are told again in the next session to have been deleted, for it may not have arrived', async () => {
    rig.plane.deleteVolumes(volume());
    await rig.clock.advance(100);
    rig.plane.cut();
    await rig.clock.advance(5_000);
    expect(rig.plane.volumesDeleted).toEqual(['v1', 'v1']);
  });

  test('are deleted after a restart of the agent that was to do it', async () => {
    await rig.driver.createVolume({ name, labels: {} });
    rig.driver.fail('removeVolume', failures.engine, { times: 3 });
    rig.plane.deleteVolumes(volume());
    await rig.clock.advance(100);
    expect(rig.driver.volumes).toEqual([name]);
    await rig.restart();
    await rig.clock.advance(20_000);
    expect(rig.driver.volumes).toEqual([]);
    expect(rig.plane.volumesDeleted).toEqual(['v1']);
  });

  test('of another executor are left alone', async () => {
    await rig.driver.createVolume({ name, labels: {} });
    rig.plane.deleteVolumes(volume('v1', 'e2'));
    await rig.clock.advance(1_000);
    expect(rig.driver.volumes).toEqual([name]);
    expect(rig.plane.volumesDeleted).toEqual([]);
  });

  test('are not deleted twice: a new one of the same name is safe', async () => {
    await rig.driver.createVolume({ name, labels: {} });
    rig.plane.deleteVolumes(volume());
    await rig.clock.advance(100);
    await rig.driver.createVolume({ name, labels: {} });
    rig.plane.deleteVolumes(volume());
    await rig.clock.advance(60_000);
    expect(rig.driver.volumes).toEqual([name]);
  });
});
