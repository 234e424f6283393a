import { InstanceState } from '../../gen/gilliam/v1/instance';
import { checked, NetworkedRig } from '../../testing/networked-rig';
import { fakeTask } from '../../testing/task';

const { RUNNING, STARTING } = InstanceState;

let rig: NetworkedRig;

afterEach(() => rig.end());

describe('what is announced', () => {
  test('says how it is reached, from here and from elsewhere', async () => {
    rig = await NetworkedRig.open();
    const ports = [
      { name: 'web', containerPort: 8080 },
      { name: 'admin', containerPort: 80 },
    ];
    rig.plane.assign(fakeTask(1, { process: { ports } }));
    await rig.clock.advance(100);
    expect(rig.network.entries.get('shop/web.1')).toEqual({
      host: '10.0.0.1',
      port: 10_000,
      ports: { '80': 10_001, '8080': 10_000 },
      release: 'v1',
      instance: 'web-1-1',
      executor: 'e1',
      address: rig.addressOf('u1'),
    });
  });

  test('of a process without ports names none', async () => {
    rig = await NetworkedRig.open();
    rig.plane.assign(fakeTask(1, { process: { ports: [] } }));
    await rig.clock.advance(100);
    expect(rig.network.entries.get('shop/web.1')).not.toHaveProperty('port');
  });

  test('is what passes its health check, and nothing else', async () => {
    rig = await NetworkedRig.open({ latencyMs: { start: 100 } });
    rig.plane.assign(fakeTask(1, { process: checked }));
    await rig.clock.advance(50);
    rig.driver.health.set(rig.id('u1'), false);
    await rig.clock.advance(5000);
    expect(rig.state('u1')).toBe(STARTING);
    expect(rig.network.entries.size).toBe(0);
    rig.driver.health.set(rig.id('u1'), true);
    await rig.clock.advance(600);
    expect([...rig.network.entries.keys()]).toEqual(['shop/web.1']);
    rig.driver.health.set(rig.id('u1'), false);
    await rig.clock.advance(3500);
    expect(rig.plane.status('u1')).toMatchObject({ state: RUNNING, ready: false });
    expect(rig.network.entries.size).toBe(0);
    rig.driver.health.set(rig.id('u1'), true);
    await rig.clock.advance(1000);
    expect(rig.network.entries.size).toBe(1);
  });

  test('is taken back at once when it exits, and announced anew with the address it has then', async () => {
    rig = await NetworkedRig.open();
    rig.plane.assign(fakeTask(1), fakeTask(2));
    await rig.clock.advance(2000);
    const before = rig.addressOf('u1');
    rig.driver.exit(rig.id('u1'));
    await rig.clock.advance(1);
    expect([...rig.network.entries.keys()]).toEqual(['shop/web.2']);
    await rig.clock.advance(1000);
    expect(rig.plane.status('u1')).toMatchObject({ ready: true, restarts: 1 });
    expect(rig.addressOf('u1')).not.toBe(before);
    expect(rig.network.entries.get('shop/web.1')?.address).toBe(rig.addressOf('u1'));
  });

  test('is taken back when the container is removed by somebody', async () => {
    rig = await NetworkedRig.open();
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(2000);
    rig.driver.vanish(rig.id('u1'));
    await rig.clock.advance(1);
    expect(rig.network.entries.size).toBe(0);
    await rig.clock.advance(2000);
    expect(rig.network.entries.get('shop/web.1')?.address).toBe(rig.addressOf('u1'));
  });

  test('is renewed every ten seconds', async () => {
    rig = await NetworkedRig.open();
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(60_000);
    expect(rig.clock.monotonic() - (rig.network.heardMs.get('shop/web.1') ?? 0)).toBeLessThanOrEqual(10_000);
  });

  test('is told again at once when the network daemon was started again', async () => {
    rig = await NetworkedRig.open();
    rig.plane.setPeers([{ name: 'e1', address: '10.0.0.1:4411' }]);
    rig.plane.assign(fakeTask(1), fakeTask(2));
    await rig.clock.advance(2000);
    const before = {
      entries: new Map(rig.network.entries),
      instances: rig.network.instances,
      peers: rig.network.peers,
    };
    expect(before.entries.size).toBe(2);
    rig.network.restart();
    await rig.clock.advance(1000);
    expect({
      entries: rig.network.entries,
      instances: rig.network.instances,
      peers: rig.network.peers,
    }).toEqual(before);
    rig.network.set('down');
    await rig.clock.advance(20_000);
    rig.network.restart();
    await rig.clock.advance(300);
    expect({
      entries: rig.network.entries,
      instances: rig.network.instances,
      peers: rig.network.peers,
    }).toEqual(before);
  });

  test.each(['down', 'hanging'] as const)(
    'arrives although the daemon is %s when it changes',
    async (how) => {
      rig = await NetworkedRig.open();
      rig.plane.assign(fakeTask(1), fakeTask(2));
      await rig.clock.advance(2000);
      rig.network.set(how);
      rig.driver.exit(rig.id('u1'));
      rig.plane.assign(fakeTask(3));
      await rig.clock.advance(200);
      rig.driver.vanish(rig.id('u1'));
      await rig.clock.advance(100);
      expect(rig.network.entries.has('shop/web.3')).toBe(false);
      await rig.clock.advance(4000);
      rig.network.set('up');
      await rig.clock.advance(7000);
      expect([...rig.network.entries.keys()].sort()).toEqual(['shop/web.1', 'shop/web.2', 'shop/web.3']);
      expect(rig.network.entries.get('shop/web.1')?.address).toBe(rig.addressOf('u1'));
    },
  );
});

describe('the agent is restarted', () => {
  test('what is announced stays, and is renewed as soon as it is seen to be ready', async () => {
    rig = await NetworkedRig.open();
    rig.plane.assign(fakeTask(1), fakeTask(2, { process: checked }));
    await rig.clock.advance(2000);
    await rig.kill();
    expect(rig.network.entries.size).toBe(2);
    await rig.clock.advance(5000);
    await rig.begin();
    await rig.clock.advance(100);
    for (const heardMs of rig.network.heardMs.values())
      expect(rig.clock.monotonic() - heardMs).toBeLessThan(200);
    expect(rig.network.entries.size).toBe(2);
  });

  test('nothing is withdrawn for a moment before it is renewed', async () => {
    rig = await NetworkedRig.open();
    rig.plane.assign(fakeTask(1), fakeTask(2, { process: checked }));
    await rig.clock.advance(2000);
    await rig.kill();
    const withdraw = jest.spyOn(rig.network, 'withdraw');
    await rig.begin();
    await rig.clock.advance(30_000);
    expect(rig.network.entries.size).toBe(2);
    expect(withdraw).not.toHaveBeenCalled();
  });

  test('without a control plane it renews what is ready, and checks it, by the labels', async () => {
    rig = await NetworkedRig.open();
    rig.plane.assign(fakeTask(1), fakeTask(2, { process: checked }), fakeTask(3, { process: checked }));
    await rig.clock.advance(2000);
    const before = new Map(rig.network.entries);
    await rig.kill();
    rig.plane.setUp(false);
    rig.driver.health.set(rig.id('u3'), false);
    await rig.begin();
    await rig.clock.advance(60_000);
    expect(rig.driver.running).toHaveLength(3);
    expect(rig.network.entries.get('shop/web.1')).toEqual(before.get('shop/web.1'));
    expect(rig.network.entries.get('shop/web.2')).toEqual(before.get('shop/web.2'));
    expect(rig.network.entries.has('shop/web.3')).toBe(false);
    for (const name of ['shop/web.1', 'shop/web.2']) {
      expect(rig.clock.monotonic() - (rig.network.heardMs.get(name) ?? 0)).toBeLessThanOrEqual(10_000);
    }
    rig.plane.setUp(true);
    await rig.clock.advance(5000);
    expect(rig.plane.status('u2')).toMatchObject({ state: RUNNING, ready: true, restarts: 0 });
    expect(rig.plane.status('u3')).toMatchObject({ state: RUNNING, ready: false, reason: 'Unhealthy' });
  });

  test('invariant 6: without a control plane what exits is started and announced again', async () => {
    rig = await NetworkedRig.open();
    rig.plane.assign(fakeTask(1, { process: checked }));
    await rig.clock.advance(2000);
    await rig.kill();
    rig.plane.setUp(false);
    rig.driver.exit(rig.id('u1'));
    await rig.begin();
    await rig.clock.advance(5);
    expect(rig.network.entries.size).toBe(0);
    await rig.clock.advance(2000);
    expect(rig.network.entries.get('shop/web.1')?.address).toBe(rig.addressOf('u1'));
  });

  test('what ended meanwhile is taken back', async () => {
    rig = await NetworkedRig.open();
    rig.plane.assign(fakeTask(1), fakeTask(2, { process: checked }));
    await rig.clock.advance(2000);
    await rig.kill();
    rig.driver.vanish(rig.id('u1'));
    rig.driver.health.set(rig.id('u2'), false);
    rig.driver.exit(rig.id('u2'));
    await rig.begin();
    await rig.clock.advance(100);
    expect(rig.network.entries.size).toBe(0);
  });
});

describe('peers', () => {
  test('are handed on as they are told', async () => {
    rig = await NetworkedRig.open({}, { registryAddress: '10.0.0.1:4411' });
    expect(rig.plane.hellos[0]?.registryAddress).toBe('10.0.0.1:4411');
    expect(rig.network.peers).toBeUndefined();
    const peers = [{ name: 'e1', address: '10.0.0.1:4411' }];
    rig.plane.setPeers(peers);
    await rig.clock.advance(10);
    expect(rig.network.peers).toEqual(peers);
    rig.plane.setPeers([...peers, { name: 'e2', address: '10.0.0.2:4411' }]);
    rig.plane.cut();
    await rig.clock.advance(1000);
    expect(rig.network.peers).toHaveLength(2);
  });
});
