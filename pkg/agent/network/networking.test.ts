import { sleep } from '../../base/clock';
import { InstanceState } from '../../gen/gilliam/v1/instance';
import { AgentRig } from '../../testing/agent-rig';
import type { FakeDriverOptions } from '../../testing/fake-driver';
import type { FakeNetwork } from '../../testing/fake-network';
import { fakeTask } from '../../testing/task';
import type { AgentConfig } from '../config';

const { RUNNING, STARTING, STOPPED, STOPPING } = InstanceState;
const health = {
  check: { $case: 'tcp' as const, value: { port: 0 } },
  intervalMs: 1000,
  failureThreshold: 3,
};

let rig: AgentRig;
let network: FakeNetwork;

async function open(
  options: Partial<FakeDriverOptions> = {},
  config: Partial<AgentConfig> = {},
): Promise<AgentRig> {
  prepare(options, config);
  return rig.begin();
}

function prepare(options: Partial<FakeDriverOptions> = {}, config: Partial<AgentConfig> = {}): void {
  rig = new AgentRig(options, config, { network: true });
  network = rig.network as FakeNetwork;
}

afterEach(() => rig.end());

const addressOf = (uid: string) => rig.container(uid)?.address as string;
const stoppedCalls = () => rig.driver.calls.filter((call) => call.startsWith('stop'));

describe('what is announced', () => {
  test('says how it is reached, from here and from elsewhere', async () => {
    await open();
    const ports = [
      { name: 'web', containerPort: 8080 },
      { name: 'admin', containerPort: 80 },
    ];
    rig.plane.assign(fakeTask(1, { process: { ports } }));
    await rig.clock.advance(100);
    expect(network.entries.get('shop/web.1')).toEqual({
      host: '10.0.0.1',
      port: 10_000,
      ports: { '80': 10_001, '8080': 10_000 },
      release: 'v1',
      instance: 'web-1-1',
      executor: 'e1',
      address: addressOf('u1'),
    });
  });

  test('of a process without ports names none', async () => {
    await open();
    rig.plane.assign(fakeTask(1, { process: { ports: [] } }));
    await rig.clock.advance(100);
    expect(network.entries.get('shop/web.1')).not.toHaveProperty('port');
  });

  test('is what passes its health check, and nothing else', async () => {
    await open({ latencyMs: { start: 100 } });
    rig.plane.assign(fakeTask(1, { process: { health } }));
    await rig.clock.advance(50);
    rig.driver.health.set(rig.id('u1'), false);
    await rig.clock.advance(5000);
    expect(rig.state('u1')).toBe(STARTING);
    expect(network.entries.size).toBe(0);
    rig.driver.health.set(rig.id('u1'), true);
    await rig.clock.advance(600);
    expect([...network.entries.keys()]).toEqual(['shop/web.1']);
    rig.driver.health.set(rig.id('u1'), false);
    await rig.clock.advance(3500);
    expect(rig.plane.status('u1')).toMatchObject({ state: RUNNING, ready: false });
    expect(network.entries.size).toBe(0);
    rig.driver.health.set(rig.id('u1'), true);
    await rig.clock.advance(1000);
    expect(network.entries.size).toBe(1);
  });

  test('is taken back at once when it exits, and announced anew with the address it has then', async () => {
    await open();
    rig.plane.assign(fakeTask(1), fakeTask(2));
    await rig.clock.advance(2000);
    const before = addressOf('u1');
    rig.driver.exit(rig.id('u1'));
    await rig.clock.advance(1);
    expect([...network.entries.keys()]).toEqual(['shop/web.2']);
    await rig.clock.advance(1000);
    expect(rig.plane.status('u1')).toMatchObject({ ready: true, restarts: 1 });
    expect(addressOf('u1')).not.toBe(before);
    expect(network.entries.get('shop/web.1')?.address).toBe(addressOf('u1'));
  });

  test('is taken back when the container is removed by somebody', async () => {
    await open();
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(2000);
    rig.driver.vanish(rig.id('u1'));
    await rig.clock.advance(1);
    expect(network.entries.size).toBe(0);
    await rig.clock.advance(2000);
    expect(network.entries.get('shop/web.1')?.address).toBe(addressOf('u1'));
  });

  test('is renewed every ten seconds', async () => {
    await open();
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(60_000);
    expect(rig.clock.monotonic() - (network.heardMs.get('shop/web.1') ?? 0)).toBeLessThanOrEqual(10_000);
  });

  test('is told again at once when the network daemon was started again', async () => {
    await open();
    rig.plane.setPeers([{ name: 'e1', address: '10.0.0.1:4411' }]);
    rig.plane.assign(fakeTask(1), fakeTask(2));
    await rig.clock.advance(2000);
    const before = { entries: new Map(network.entries), instances: network.instances, peers: network.peers };
    expect(before.entries.size).toBe(2);
    network.restart();
    await rig.clock.advance(1000);
    expect({ entries: network.entries, instances: network.instances, peers: network.peers }).toEqual(before);
    network.set('down');
    await rig.clock.advance(20_000);
    network.restart();
    await rig.clock.advance(300);
    expect({ entries: network.entries, instances: network.instances, peers: network.peers }).toEqual(before);
  });

  test.each(['down', 'hanging'] as const)(
    'arrives although the daemon is %s when it changes',
    async (how) => {
      await open();
      rig.plane.assign(fakeTask(1), fakeTask(2));
      await rig.clock.advance(2000);
      network.set(how);
      rig.driver.exit(rig.id('u1'));
      rig.plane.assign(fakeTask(3));
      await rig.clock.advance(200);
      rig.driver.vanish(rig.id('u1'));
      await rig.clock.advance(100);
      expect(network.entries.has('shop/web.3')).toBe(false);
      await rig.clock.advance(4000);
      network.set('up');
      await rig.clock.advance(7000);
      expect([...network.entries.keys()].sort()).toEqual(['shop/web.1', 'shop/web.2', 'shop/web.3']);
      expect(network.entries.get('shop/web.1')?.address).toBe(addressOf('u1'));
    },
  );
});

describe('the agent is restarted', () => {
  test('what is announced stays, and is renewed as soon as it is seen to be ready', async () => {
    await open();
    rig.plane.assign(fakeTask(1), fakeTask(2, { process: { health } }));
    await rig.clock.advance(2000);
    await rig.kill();
    expect(network.entries.size).toBe(2);
    await rig.clock.advance(5000);
    await rig.begin();
    await rig.clock.advance(100);
    for (const heardMs of network.heardMs.values()) expect(rig.clock.monotonic() - heardMs).toBeLessThan(200);
    expect(network.entries.size).toBe(2);
  });

  test('nothing is withdrawn for a moment before it is renewed', async () => {
    await open();
    rig.plane.assign(fakeTask(1), fakeTask(2, { process: { health } }));
    await rig.clock.advance(2000);
    await rig.kill();
    const withdraw = jest.spyOn(network, 'withdraw');
    await rig.begin();
    await rig.clock.advance(30_000);
    expect(network.entries.size).toBe(2);
    expect(withdraw).not.toHaveBeenCalled();
  });

  test('without a control plane it renews what is ready, and checks it, by the labels', async () => {
    await open();
    rig.plane.assign(fakeTask(1), fakeTask(2, { process: { health } }), fakeTask(3, { process: { health } }));
    await rig.clock.advance(2000);
    const before = new Map(network.entries);
    await rig.kill();
    rig.plane.setUp(false);
    rig.driver.health.set(rig.id('u3'), false);
    await rig.begin();
    await rig.clock.advance(60_000);
    expect(rig.driver.running).toHaveLength(3);
    expect(network.entries.get('shop/web.1')).toEqual(before.get('shop/web.1'));
    expect(network.entries.get('shop/web.2')).toEqual(before.get('shop/web.2'));
    expect(network.entries.has('shop/web.3')).toBe(false);
    for (const name of ['shop/web.1', 'shop/web.2']) {
      expect(rig.clock.monotonic() - (network.heardMs.get(name) ?? 0)).toBeLessThanOrEqual(10_000);
    }
    rig.plane.setUp(true);
    await rig.clock.advance(5000);
    expect(rig.plane.status('u2')).toMatchObject({ state: RUNNING, ready: true, restarts: 0 });
    expect(rig.plane.status('u3')).toMatchObject({ state: RUNNING, ready: false, reason: 'Unhealthy' });
  });

  test('invariant 6: without a control plane what exits is started and announced again', async () => {
    await open();
    rig.plane.assign(fakeTask(1, { process: { health } }));
    await rig.clock.advance(2000);
    await rig.kill();
    rig.plane.setUp(false);
    rig.driver.exit(rig.id('u1'));
    await rig.begin();
    await rig.clock.advance(5);
    expect(network.entries.size).toBe(0);
    await rig.clock.advance(2000);
    expect(network.entries.get('shop/web.1')?.address).toBe(addressOf('u1'));
  });

  test('what ended meanwhile is taken back', async () => {
    await open();
    rig.plane.assign(fakeTask(1), fakeTask(2, { process: { health } }));
    await rig.clock.advance(2000);
    await rig.kill();
    rig.driver.vanish(rig.id('u1'));
    rig.driver.health.set(rig.id('u2'), false);
    rig.driver.exit(rig.id('u2'));
    await rig.begin();
    await rig.clock.advance(100);
    expect(network.entries.size).toBe(0);
  });
});

describe('invariant 7', () => {
  const both = (delayMs: number | undefined) => {
    network.followers.set('e1/proxy', 50).set('e2/router', delayMs);
  };
  /** The state of the world whenever a container is told to stop. */
  const watchStops = () => {
    const seen: string[] = [];
    const stop = rig.driver.stop.bind(rig.driver);
    rig.driver.stop = async (...args) => {
      seen.push(`${network.entries.size} announced, ${network.sending.size} send`);
      return stop(...args);
    };
    return seen;
  };

  test('invariant 7: SIGTERM comes when nobody sends requests any more', async () => {
    await open();
    both(3000);
    const stops = watchStops();
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(2000);
    rig.plane.stop('u1');
    await rig.clock.advance(2900);
    expect(rig.plane.status('u1')).toMatchObject({ state: STOPPING, ready: false });
    expect(network.entries.size).toBe(0);
    expect([...network.sending]).toEqual(['shop/web.1 e2/router']);
    expect(rig.container('u1')?.state).toBe('running');
    await rig.clock.advance(200);
    expect(rig.state('u1')).toBe(STOPPED);
    expect(stops).toEqual(['0 announced, 0 send']);
    expect(rig.reasons()).toEqual([]);
  });

  test('invariant 7: after the drain time it goes on, and says who has not confirmed', async () => {
    await open();
    both(undefined);
    rig.plane.assign(fakeTask(1, { process: { drainMs: 4000, graceMs: 3000 } }));
    await rig.clock.advance(2000);
    rig.driver.setStubborn(rig.id('u1'));
    rig.plane.stop('u1');
    await rig.clock.advance(3950);
    expect(stoppedCalls()).toEqual([]);
    await rig.clock.advance(100);
    expect(stoppedCalls()).toEqual(['stop web-1-1']);
    expect(rig.plane.events).toMatchObject([
      {
        reason: 'DrainIncomplete',
        warning: true,
        message:
          'stopped before its requests were known to have ended: e2/router had not confirmed after 4 s',
      },
    ]);
    await rig.clock.advance(2900);
    expect(rig.state('u1')).toBe(STOPPING);
    await rig.clock.advance(200);
    expect(rig.plane.status('u1')).toMatchObject({ state: STOPPED, exitCode: 137 });
  });

  test('invariant 7: unless it says otherwise, the drain time is ten seconds', async () => {
    await open();
    both(undefined);
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(2000);
    rig.plane.stop('u1');
    await rig.clock.advance(9900);
    expect(stoppedCalls()).toEqual([]);
    await rig.clock.advance(200);
    expect(rig.state('u1')).toBe(STOPPED);
  });

  test.each(['down', 'hanging'] as const)(
    'invariant 7: a network daemon that is %s is waited for, but not for ever',
    async (how) => {
      await open();
      both(50);
      rig.plane.assign(fakeTask(1, { process: { drainMs: 2000 } }), fakeTask(2));
      await rig.clock.advance(2000);
      network.set(how);
      rig.plane.stop('u1');
      await rig.clock.advance(4500);
      expect(rig.container('u1')?.state).toBe('running');
      await rig.clock.advance(7000);
      expect(rig.state('u1')).toBe(STOPPED);
      expect(rig.plane.events).toMatchObject([{ reason: 'DrainIncomplete', warning: true }]);
      expect(rig.plane.events[0]?.message).toMatch(/network daemon of its executor does not answer/);
      // It was announced last before: once the daemon is back, it is taken back all the same.
      network.set('up');
      await rig.clock.advance(6000);
      expect([...network.entries.keys()]).toEqual(['shop/web.2']);
    },
  );

  test('invariant 7: a network daemon that comes back in time is heard', async () => {
    await open();
    both(500);
    const stops = watchStops();
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(2000);
    network.set('down');
    rig.plane.stop('u1');
    await rig.clock.advance(2000);
    network.set('up');
    await rig.clock.advance(3000);
    expect(rig.state('u1')).toBe(STOPPED);
    expect(stops).toEqual(['0 announced, 0 send']);
    expect(rig.reasons()).toEqual([]);
  });

  test('invariant 7: an agent that is killed while it drains goes on with it', async () => {
    await open();
    both(3000);
    const stops = watchStops();
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(2000);
    rig.plane.stop('u1');
    await rig.clock.advance(1000);
    await rig.restart();
    await rig.clock.advance(1000);
    expect(rig.container('u1')?.state).toBe('running');
    expect(network.entries.size).toBe(0);
    await rig.clock.advance(2000);
    expect(rig.state('u1')).toBe(STOPPED);
    expect(stops).toEqual(['0 announced, 0 send']);
  });

  test('invariant 7: an announcement under way does not arrive after the withdrawal', async () => {
    await open();
    both(10);
    const announce = network.announce.bind(network);
    let slow = true;
    network.announce = async (...args) => {
      if (slow) await new Promise<void>((resolve) => void rig.clock.after(1000, resolve));
      return announce(...args);
    };
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(500);
    slow = false;
    rig.plane.stop('u1');
    await rig.clock.advance(400);
    expect(rig.container('u1')?.state).toBe('running');
    await rig.clock.advance(5000);
    expect(rig.state('u1')).toBe(STOPPED);
    expect(network.entries.size).toBe(0);
  });

  test('a drain holds up no other instance', async () => {
    await open();
    both(undefined);
    rig.plane.assign(fakeTask(1), fakeTask(2));
    await rig.clock.advance(2000);
    rig.plane.stop('u1');
    await rig.clock.advance(100);
    rig.plane.assign(fakeTask(3));
    rig.driver.exit(rig.id('u2'));
    await rig.clock.advance(2000);
    expect(rig.container('u1')?.state).toBe('running');
    expect(rig.plane.status('u2')).toMatchObject({ ready: true, restarts: 1 });
    expect(rig.plane.status('u3')).toMatchObject({ state: RUNNING, ready: true });
    expect([...network.entries.keys()].sort()).toEqual(['shop/web.2', 'shop/web.3']);
    await rig.clock.advance(10_000);
  });

  test('what exits while it is drained is not waited for', async () => {
    await open();
    both(undefined);
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(2000);
    rig.plane.stop('u1');
    await rig.clock.advance(100);
    rig.driver.exit(rig.id('u1'), 0);
    await rig.clock.advance(10);
    expect(rig.plane.status('u1')).toMatchObject({ state: STOPPED, exitCode: 0 });
  });

  test('what was never ready is not drained', async () => {
    await open({ latencyMs: { start: 100 } });
    both(undefined);
    rig.plane.assign(fakeTask(1, { process: { health } }));
    await rig.clock.advance(50);
    rig.driver.health.set(rig.id('u1'), false);
    await rig.clock.advance(500);
    rig.plane.stop('u1');
    await rig.clock.advance(10);
    expect(rig.state('u1')).toBe(STOPPED);
  });

  test('invariant 10: a lost instance is drained too, for its drain time at most, before new work begins', async () => {
    await open();
    both(undefined);
    rig.plane.assign(fakeTask(1, { process: { drainMs: 3000 } }));
    await rig.clock.advance(2000);
    rig.plane.setUp(false);
    rig.plane.lose('u1');
    rig.plane.assign(fakeTask(2));
    rig.plane.setUp(true);
    await rig.clock.advance(2500);
    expect(network.entries.size).toBe(0);
    expect(rig.container('u1')?.state).toBe('running');
    expect(rig.container('u2')).toBeUndefined();
    await rig.clock.advance(2500);
    expect(rig.container('u1')).toBeUndefined();
    expect(rig.container('u2')?.state).toBe('running');
  });

  test('a stray that turns out to be known after all stays announced', async () => {
    await open();
    both(undefined);
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(2000);
    rig.plane.forget(['u1'], { silently: true });
    rig.plane.cut();
    // Its grace period is over, and it is being drained.
    await rig.clock.advance(35_000);
    expect(network.entries.size).toBe(0);
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(100);
    expect(rig.container('u1')?.state).toBe('running');
    expect(network.entries.size).toBe(1);
    await rig.clock.advance(60_000);
    expect(stoppedCalls()).toEqual([]);
  });
});

describe('whose an address is', () => {
  test('is told for all that run, ready or not, and told anew when it changes', async () => {
    await open({ latencyMs: { start: 100 } });
    rig.plane.assign(fakeTask(1), fakeTask(2, { process: { health } }));
    await rig.clock.advance(50);
    rig.driver.health.set(rig.id('u2'), false);
    await rig.clock.advance(500);
    const key = (instance: string) => {
      const link = rig.container(`u${instance}`)?.link;
      return { formation: 'shop', service: 'web', instance, link, imports: {} };
    };
    expect(network.instances).toEqual({ [addressOf('u1')]: key('1'), [addressOf('u2')]: key('2') });
    rig.plane.stop('u2');
    await rig.clock.advance(100);
    expect(network.instances).toEqual({ [addressOf('u1')]: key('1') });
  });

  test.each([
    ['exits', () => rig.driver.exit(rig.id('u1'))],
    ['is removed by somebody', () => rig.driver.vanish(rig.id('u1'))],
  ])('is taken back the moment that the container %s, before it is looked at', async (_how, end) => {
    await open({ latencyMs: { inspect: 1000 } });
    rig.plane.assign(fakeTask(1), fakeTask(2));
    await rig.clock.advance(5000);
    const staying = addressOf('u2');
    expect(Object.keys(network.instances ?? {})).toHaveLength(2);
    end();
    await rig.clock.advance(10);
    expect(Object.keys(network.instances ?? {})).toEqual([staying]);
    expect([...network.entries.keys()]).toEqual(['shop/web.2']);
    // What was seen before its end does not bring it back.
    await rig.clock.advance(300);
    expect(Object.keys(network.instances ?? {})).toEqual([staying]);
    await rig.clock.advance(5000);
    expect(Object.keys(network.instances ?? {})).toContain(addressOf('u1'));
  });

  test.each([
    ['restarted the container', () => ({ startedMs: rig.clock.now(), link: 999 })],
    ['put the container on the network anew', () => ({ link: 999 })],
  ])('is told anew when somebody has %s, and no event told of it', async (_how, changes) => {
    await open();
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(2000);
    const address = addressOf('u1');
    Object.assign(rig.container('u1') ?? {}, changes());
    rig.driver.setUp(false);
    await rig.clock.advance(1000);
    rig.driver.setUp(true);
    await rig.clock.advance(10_000);
    expect(network.instances?.[address]).toMatchObject({ instance: '1', link: 999 });
  });

  test('is not taken from a look that was under way when the container ended', async () => {
    await open();
    const inspect = rig.driver.inspect.bind(rig.driver);
    rig.driver.inspect = async (id, signal) => {
      const seen = await inspect(id, signal);
      await sleep(rig.clock, 100, signal);
      return seen;
    };
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(50);
    const address = addressOf('u1');
    rig.driver.exit(rig.id('u1'));
    for (let ms = 0; ms < 200; ms += 5) {
      await rig.clock.advance(5);
      expect(Object.keys(network.instances ?? {})).not.toContain(address);
    }
  });

  test('is told of whoever has ended before another one is started, which may be given the address', async () => {
    await open();
    rig.driver.reusesAddresses = true;
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(2000);
    const address = addressOf('u1');
    network.set('hanging');
    rig.driver.exit(rig.id('u1'));
    rig.plane.assign(fakeTask(2));
    await rig.clock.advance(200);
    expect(rig.container('u2')?.state).toBe('created');
    network.set('up');
    await rig.clock.advance(6000);
    expect(rig.container('u2')?.address).toBe(address);
    expect(network.instances?.[address]).toMatchObject({ instance: '2', link: rig.container('u2')?.link });
  });

  test('is not waited for longer than a moment: a daemon that is away knows nobody', async () => {
    await open();
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(2000);
    network.set('down');
    rig.driver.exit(rig.id('u1'));
    rig.plane.assign(fakeTask(2));
    await rig.clock.advance(3000);
    expect(rig.container('u2')?.state).toBe('running');
  });

  test('is known from the beginning to an agent that was restarted without a control plane', async () => {
    await open();
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(2000);
    await rig.kill();
    rig.plane.setUp(false);
    network.restart();
    await rig.begin();
    expect(Object.keys(network.instances ?? {})).toEqual([addressOf('u1')]);
  });
});

describe('new containers', () => {
  test('are given the proxy, the registry and the resolver', async () => {
    await open();
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
    prepare();
    network.set('down');
    await rig.begin();
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(5000);
    expect(rig.plane.status('u1')).toMatchObject({ reason: 'NetworkUnavailable', ready: false });
    expect(rig.plane.synced).toBe(1);
    expect(rig.driver.containers).toEqual([]);
    network.set('up');
    await rig.clock.advance(300);
    expect(rig.plane.status('u1')).toMatchObject({ state: RUNNING, ready: true, reason: '' });
  });

  test('are stopped while they wait when that is wished', async () => {
    prepare();
    network.set('down');
    await rig.begin();
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(1000);
    rig.plane.stop('u1');
    await rig.clock.advance(10);
    expect(rig.plane.status('u1')).toMatchObject({ state: STOPPED, reason: '' });
  });

  test('are made while the network daemon is away for a moment, and as it says when it is back', async () => {
    await open();
    await rig.clock.advance(100);
    network.set('down');
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(1000);
    expect(rig.plane.status('u1')).toMatchObject({ state: RUNNING, ready: true });
    network.given = { registry: 'http://10.0.0.1:5511' };
    network.restart();
    await rig.clock.advance(1000);
    rig.plane.assign(fakeTask(2));
    await rig.clock.advance(100);
    const { environment, dns } = rig.container('u2')?.spec ?? {};
    expect(environment?.['GILLIAM_SERVICE_REGISTRY']).toBe('http://10.0.0.1:5511');
    expect(environment).not.toHaveProperty('HTTP_PROXY');
    expect(dns).toEqual([]);
  });
});

describe('peers', () => {
  test('are handed on as they are told', async () => {
    await open({}, { registryAddress: '10.0.0.1:4411' });
    expect(rig.plane.hellos[0]?.registryAddress).toBe('10.0.0.1:4411');
    expect(network.peers).toBeUndefined();
    const peers = [{ name: 'e1', address: '10.0.0.1:4411' }];
    rig.plane.setPeers(peers);
    await rig.clock.advance(10);
    expect(network.peers).toEqual(peers);
    rig.plane.setPeers([...peers, { name: 'e2', address: '10.0.0.2:4411' }]);
    rig.plane.cut();
    await rig.clock.advance(1000);
    expect(network.peers).toHaveLength(2);
  });
});

test('without a service network nothing is looked at that was not before', async () => {
  rig = await new AgentRig().begin();
  let looks = 0;
  const inspect = rig.driver.inspect.bind(rig.driver);
  rig.driver.inspect = (...args) => {
    looks++;
    return inspect(...args);
  };
  rig.plane.assign(fakeTask(1));
  await rig.clock.advance(100);
  expect(rig.plane.status('u1')).toMatchObject({ state: RUNNING, ready: true });
  expect(looks).toBe(0);
  expect(rig.container('u1')?.spec.environment).not.toHaveProperty('HTTP_PROXY');
});

test('an agent that begins anew does not say that nobody is here', async () => {
  await open({ latencyMs: { list: 500 } });
  rig.plane.assign(fakeTask(1));
  await rig.clock.advance(3_000);
  const told: number[] = [];
  const setInstances = network.setInstances.bind(network);
  network.setInstances = (table, signal) => {
    told.push(Object.keys(table).length);
    return setInstances(table, signal);
  };
  await rig.restart();
  await rig.clock.advance(5_000);
  expect(told[0]).toBe(1);
});
