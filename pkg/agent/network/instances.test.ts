import { sleep } from '../../base/clock';
import { InstanceState } from '../../gen/gilliam/v1/instance';
import { checked, NetworkedRig } from '../../testing/networked-rig';
import { fakeTask } from '../../testing/task';

const { RUNNING, STOPPED } = InstanceState;

let rig: NetworkedRig;

afterEach(() => rig.end());

describe('whose an address is', () => {
  test('is told for all that run, ready or not, and told anew when it changes', async () => {
    rig = await NetworkedRig.open({ latencyMs: { start: 100 } });
    rig.plane.assign(fakeTask(1), fakeTask(2, { process: checked }));
    await rig.clock.advance(50);
    rig.driver.health.set(rig.id('u2'), false);
    await rig.clock.advance(500);
    const key = (instance: string) => {
      const link = rig.container(`u${instance}`)?.link;
      return { formation: 'shop', service: 'web', instance, link, imports: {} };
    };
    expect(rig.network.instances).toEqual({
      [rig.addressOf('u1')]: key('1'),
      [rig.addressOf('u2')]: key('2'),
    });
    rig.plane.stop('u2');
    await rig.clock.advance(100);
    expect(rig.network.instances).toEqual({ [rig.addressOf('u1')]: key('1') });
  });

  test.each([
    ['exits', () => rig.driver.exit(rig.id('u1'))],
    ['is removed by somebody', () => rig.driver.vanish(rig.id('u1'))],
  ])('is taken back the moment that the container %s, before it is looked at', async (_how, end) => {
    rig = await NetworkedRig.open({ latencyMs: { inspect: 1000 } });
    rig.plane.assign(fakeTask(1), fakeTask(2));
    await rig.clock.advance(5000);
    const staying = rig.addressOf('u2');
    expect(Object.keys(rig.network.instances ?? {})).toHaveLength(2);
    end();
    await rig.clock.advance(10);
    expect(Object.keys(rig.network.instances ?? {})).toEqual([staying]);
    expect([...rig.network.entries.keys()]).toEqual(['shop/web.2']);
    // What was seen before its end does not bring it back.
    await rig.clock.advance(300);
    expect(Object.keys(rig.network.instances ?? {})).toEqual([staying]);
    await rig.clock.advance(5000);
    expect(Object.keys(rig.network.instances ?? {})).toContain(rig.addressOf('u1'));
  });

  test.each([
    ['restarted the container', () => ({ startedMs: rig.clock.now(), link: 999 })],
    ['put the container on the network anew', () => ({ link: 999 })],
  ])('is told anew when somebody has %s, and no event told of it', async (_how, changes) => {
    rig = await NetworkedRig.open();
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(2000);
    const address = rig.addressOf('u1');
    Object.assign(rig.container('u1') ?? {}, changes());
    rig.driver.setUp(false);
    await rig.clock.advance(1000);
    rig.driver.setUp(true);
    await rig.clock.advance(10_000);
    expect(rig.network.instances?.[address]).toMatchObject({ instance: '1', link: 999 });
  });

  test('is not taken from a look that was under way when the container ended', async () => {
    rig = await NetworkedRig.open();
    const inspect = rig.driver.inspect.bind(rig.driver);
    rig.driver.inspect = async (id, signal) => {
      const seen = await inspect(id, signal);
      await sleep(rig.clock, 100, signal);
      return seen;
    };
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(50);
    const address = rig.addressOf('u1');
    rig.driver.exit(rig.id('u1'));
    for (let ms = 0; ms < 200; ms += 5) {
      await rig.clock.advance(5);
      expect(Object.keys(rig.network.instances ?? {})).not.toContain(address);
    }
  });

  test('is told of whoever has ended before another one is started, which may be given the address', async () => {
    rig = await NetworkedRig.open();
    rig.driver.reusesAddresses = true;
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(2000);
    const address = rig.addressOf('u1');
    rig.network.set('hanging');
    rig.driver.exit(rig.id('u1'));
    rig.plane.assign(fakeTask(2));
    await rig.clock.advance(200);
    expect(rig.container('u2')?.state).toBe('created');
    rig.network.set('up');
    await rig.clock.advance(6000);
    expect(rig.container('u2')?.address).toBe(address);
    expect(rig.network.instances?.[address]).toMatchObject({
      instance: '2',
      link: rig.container('u2')?.link,
    });
  });

  test('is not waited for longer than a moment: a daemon that is away knows nobody', async () => {
    rig = await NetworkedRig.open();
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(2000);
    rig.network.set('down');
    rig.driver.exit(rig.id('u1'));
    rig.plane.assign(fakeTask(2));
    await rig.clock.advance(3000);
    expect(rig.container('u2')?.state).toBe('running');
  });

  test('is known from the beginning to an agent that was restarted without a control plane', async () => {
    rig = await NetworkedRig.open();
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(2000);
    await rig.kill();
    rig.plane.setUp(false);
    rig.network.restart();
    await rig.begin();
    expect(Object.keys(rig.network.instances ?? {})).toEqual([rig.addressOf('u1')]);
  });
});

describe('new containers', () => {
  test('are given the proxy, the registry and the resolver', async () => {
    rig = await NetworkedRig.open();
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(100);
    expect(rig.container('u1')?.spec).toMatchObject({
      environment: {
        HTTP_PROXY: 'http://10.0.0.1:4412',
        https_proxy: 'http://10.0.0.1:4412',
        NO_PROXY: 'localhost,127.0.0.1,::1',
        GILLIAM_SERVICE_REGISTRY: 'http://10.0.0.1:4411',
      },
      dns: ['198.18.16.1'],
      dnsSearch: ['shop.service'],
    });
  });

  test('wait for the network daemon, and say so', async () => {
    rig = new NetworkedRig();
    rig.network.set('down');
    await rig.begin();
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(5000);
    expect(rig.plane.status('u1')).toMatchObject({ reason: 'NetworkUnavailable', ready: false });
    expect(rig.plane.synced).toBe(1);
    expect(rig.driver.containers).toEqual([]);
    rig.network.set('up');
    await rig.clock.advance(300);
    expect(rig.plane.status('u1')).toMatchObject({ state: RUNNING, ready: true, reason: '' });
  });

  test('are stopped while they wait when that is wished', async () => {
    rig = new NetworkedRig();
    rig.network.set('down');
    await rig.begin();
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(1000);
    rig.plane.stop('u1');
    await rig.clock.advance(10);
    expect(rig.plane.status('u1')).toMatchObject({ state: STOPPED, reason: '' });
  });

  test('are made while the network daemon is away for a moment, and as it says when it is back', async () => {
    rig = await NetworkedRig.open();
    await rig.clock.advance(100);
    rig.network.set('down');
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(1000);
    expect(rig.plane.status('u1')).toMatchObject({ state: RUNNING, ready: true });
    rig.network.given = { registry: 'http://10.0.0.1:5511' };
    rig.network.restart();
    await rig.clock.advance(1000);
    rig.plane.assign(fakeTask(2));
    await rig.clock.advance(100);
    const { environment, dns } = rig.container('u2')?.spec ?? {};
    expect(environment?.['GILLIAM_SERVICE_REGISTRY']).toBe('http://10.0.0.1:5511');
    expect(environment).not.toHaveProperty('HTTP_PROXY');
    expect(dns).toEqual([]);
  });
});

test('an agent that begins anew does not say that nobody is here', async () => {
  rig = await NetworkedRig.open({ latencyMs: { list: 500 } });
  rig.plane.assign(fakeTask(1));
  await rig.clock.advance(3_000);
  const told: number[] = [];
  const setInstances = rig.network.setInstances.bind(rig.network);
  rig.network.setInstances = (table, signal) => {
    told.push(Object.keys(table).length);
    return setInstances(table, signal);
  };
  await rig.restart();
  await rig.clock.advance(5_000);
  expect(told[0]).toBe(1);
});
