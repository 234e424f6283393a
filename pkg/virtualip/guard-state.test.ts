import { FakeRegistry } from '../testing/fake-registry';
import { renderBridgeGuard, renderGuard, renderRenewal } from './guard-rules';
import { guardState } from './guard-state';

const cache = { host: '192.0.2.1', port: 10_003, ports: { '6379': 10_003 } };
const bridge = { name: 'docker0', mac: '02:42:ac:11:00:01' };
const frame = {
  ...{ table: 't', bridge, range: '198.18.16.0/20', daemonPorts: [3128, 53] },
  ...{ machine: ['172.17.0.1', '192.0.2.1'], leaseSeconds: 300 },
};

async function setUp() {
  const registry = new FakeRegistry();
  registry.setIdentity('172.17.0.5', 'shop/_cache.1', { sharedWith: ['news'] });
  registry.setIdentity('172.17.0.6', 'shop/web.1');
  registry.setIdentity('172.17.0.7', 'blog/web.1');
  registry.setIdentity('172.17.0.8', 'news/web.1');
  const state = () =>
    guardState(registry, {
      executor: 'here',
      resolve: (host) => (host === 'elsewhere.example' ? '192.0.2.9' : host),
      virtual: () => ['198.18.16.9'],
    });
  return { registry, state };
}

describe('guardState', () => {
  it('guards containers that are not announced yet, for their formation and those it shares with', async () => {
    const { state } = await setUp();
    expect(state()).toEqual({
      known: ['172.17.0.5', '172.17.0.6', '172.17.0.7', '172.17.0.8'],
      seats: [],
      services: [
        {
          name: 'shop/_cache',
          members: ['172.17.0.5', '172.17.0.6', '172.17.0.8'],
          addresses: ['172.17.0.5'],
          ...{ virtual: ['198.18.16.9'], ports: [], published: [], elsewhere: [] },
        },
      ],
    });
  });

  it('knows the ports of what is announced, here and on other machines', async () => {
    const { registry, state } = await setUp();
    await registry.put('shop/_cache.1', { ...cache, executor: 'here', address: '172.17.0.5' });
    await registry.put('shop/_cache.2', { ...cache, host: 'elsewhere.example', executor: 'there' });
    expect(state().services[0]).toMatchObject({
      ports: [{ address: '172.17.0.5', port: 6379 }],
      published: [10_003],
      elsewhere: [{ address: '192.0.2.9', port: 10_003 }],
    });
  });

  it('lets all in where a service is shared with all, and guards nothing but auxiliary services', async () => {
    const { registry, state } = await setUp();
    await registry.put('shop/_cache.1', { ...cache, executor: 'here', sharedWith: ['*'] });
    await registry.put('shop/web.1', { ...cache, executor: 'here', address: '172.17.0.6' });
    expect(state().services.map(({ name, members }) => [name, members.length])).toEqual([['shop/_cache', 4]]);
  });

  it('is rules in which connections that are established pass first, and the same facts are the same text', async () => {
    const { registry, state } = await setUp();
    await registry.put('shop/_cache.1', { ...cache, executor: 'here', address: '172.17.0.5' });
    const rules = renderGuard(frame, state()).split('\n');
    const ofHook = rules.filter((line) => line.startsWith('add rule inet t prerouting'));
    expect(ofHook).toEqual([
      'add rule inet t prerouting ct state established,related accept',
      'add rule inet t prerouting iifname "docker0" meta l4proto @alive jump from_instance',
    ]);
    expect(rules).toContain('add element inet t published { 10003 : goto to_0 }');
    expect(rules).toContain(
      'add element inet t addresses { 172.17.0.5 : goto to_0, 198.18.16.9 : goto to_0 }',
    );
    const bridged = renderBridgeGuard(frame, state());
    expect(bridged).toContain(
      'add rule bridge t to_0 meta pkttype set host ether daddr set 02:42:ac:11:00:01',
    );
    expect(renderBridgeGuard(frame, state())).toBe(bridged);
    // Where nothing is known of the bridge, only instances that are known are held back.
    expect(renderGuard({ table: 't', leaseSeconds: 300 }, state())).toContain(
      'ip saddr @known meta l4proto @alive jump',
    );
  });

  it('keeps whoever has a former instance’s address from what knows instances by theirs, and from nothing else', async () => {
    const { registry, state } = await setUp();
    registry.setIdentity('172.17.0.6', 'shop/web.1', { link: 7 });
    await registry.put('shop/_cache.1', { ...cache, executor: 'here', address: '172.17.0.5' });
    await registry.put('shop/_cache.2', { ...cache, host: '192.0.2.9', executor: 'there' });
    const rules = renderBridgeGuard(frame, state()).split('\n');
    expect(rules.filter((line) => line.startsWith('add rule bridge t stranger'))).toEqual([
      'add rule bridge t stranger ip daddr @guarded drop',
      'add rule bridge t stranger ip daddr . th dport @elsewhere drop',
      'add rule bridge t stranger ip daddr @machine th dport @held drop',
    ]);
    expect(rules.filter((line) => line.startsWith('add element bridge t'))).toEqual(
      expect.arrayContaining([
        'add element bridge t seats { 172.17.0.6 . 7 }',
        'add element bridge t guarded { 198.18.16.0/20, 172.17.0.5 }',
        'add element bridge t elsewhere { 192.0.2.9 . 10003 }',
        'add element bridge t machine { 172.17.0.1, 192.0.2.1 }',
        'add element bridge t held { 3128, 53, 10003 }',
      ]),
    );
    // No other verdict ends the way of what comes from a seat that is not its own.
    expect(rules.filter((line) => line.includes('@seats'))).toEqual([
      expect.stringMatching(/ jump stranger$/),
      expect.stringMatching(/ jump stranger$/),
    ]);
  });

  it('holds nobody for longer than the lease: each way into it asks whether that is over', async () => {
    const { registry, state } = await setUp();
    await registry.put('shop/_cache.1', { ...cache, executor: 'here', address: '172.17.0.5' });
    for (const [of, text] of [
      ['inet', renderGuard(frame, state())],
      ['bridge', renderBridgeGuard(frame, state())],
    ] as const) {
      const rules = text.split('\n');
      expect(rules).toContain(`add element ${of} t alive { tcp timeout 300s, udp timeout 300s }`);
      const hooked = rules.filter((line) =>
        new RegExp(`add rule ${of} t (prerouting|translated) `).test(line),
      );
      const holding = hooked.filter((line) => !line.endsWith(' accept'));
      expect(holding.length).toBeGreaterThan(1);
      for (const line of holding) expect(line).toContain(' meta l4proto @alive ');
    }
    expect(renderRenewal(frame, ['inet', 'bridge']).split('\n')).toEqual([
      'flush set inet t alive',
      'add element inet t alive { tcp timeout 300s, udp timeout 300s }',
      'flush set bridge t alive',
      'add element bridge t alive { tcp timeout 300s, udp timeout 300s }',
      '',
    ]);
  });
});
