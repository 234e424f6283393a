import type { HealthCheck } from '../gen/gilliam/v1/release';
import { fakeTask } from '../testing/task';
import { containerSpec, isPullable } from './container-spec';
import { containerConfig } from './docker/container-config';
import { environmentOf } from './environment';
import { identityOfContainer, servingOfContainer } from './labels';
import { completeTask } from './task';
import type { Task } from './task';

const owner = { stage: 'local', key: 'local-1f2e3d4c', executor: 'e1' };
const task = (patch: Parameters<typeof fakeTask>[1] = {}): Task => completeTask(fakeTask(1, patch)) as Task;

test('the configuration wins over the process, reserved names over both', () => {
  const given = task({
    process: { env: { A: 'process', B: 'process', PORT: '1', GILLIAM_STAGE: 'x' } },
    config: { B: 'config', C: 'a=b\nc', PORT: '2', GILLIAM_INSTANCE: 'x', GILLIAM_ANY: 'x' },
  });
  expect(environmentOf(given, 'local')).toEqual({
    A: 'process',
    B: 'config',
    C: 'a=b\nc',
    PORT: '8080',
    GILLIAM_STAGE: 'local',
    GILLIAM_FORMATION: 'shop',
    GILLIAM_SERVICE: 'web',
    GILLIAM_INSTANCE: 'web.1',
    GILLIAM_RELEASE: 'v1',
  });
});

test('a process without ports may have a PORT of its own', () => {
  const given = task({ process: { ports: [] }, config: { PORT: '5432' } });
  expect(environmentOf(given, 'local')['PORT']).toBe('5432');
});

describe('with a service network', () => {
  const network = { proxy: 'http://172.17.0.1:4412', registry: 'http://172.17.0.1:4411' };
  const proxied = (environment: Record<string, string>) =>
    Object.fromEntries(Object.entries(environment).filter(([name]) => /proxy/i.test(name)));

  test('an instance is given its proxy, whatever the configuration says, and where not to use it', () => {
    const given = task({
      process: { env: { NO_PROXY: 'db.example, localhost' } },
      config: { no_proxy: '10.0.0.0/8,', HTTP_PROXY: 'http://other', https_proxy: 'http://other' },
    });
    const environment = environmentOf(given, 'local', network);
    expect(proxied(environment)).toEqual({
      HTTP_PROXY: network.proxy,
      http_proxy: network.proxy,
      HTTPS_PROXY: network.proxy,
      https_proxy: network.proxy,
      NO_PROXY: 'localhost,127.0.0.1,::1,db.example,10.0.0.0/8',
      no_proxy: 'localhost,127.0.0.1,::1,db.example,10.0.0.0/8',
    });
    expect(environment['GILLIAM_SERVICE_REGISTRY']).toBe(network.registry);
  });

  test('without a proxy of its own, one of the configuration stays', () => {
    const config = { HTTP_PROXY: 'http://other', NO_PROXY: 'db.example' };
    const environment = environmentOf(task({ config }), 'local', { registry: network.registry });
    expect(proxied(environment)).toEqual(config);
  });

  test('names are resolved by its resolver, short ones in the own formation', () => {
    const at = { bindAddress: '0.0.0.0', network: { ...network, resolver: '198.18.16.1' } };
    const { HostConfig } = containerConfig(containerSpec(task(), owner, [], at));
    expect(HostConfig).toMatchObject({ Dns: ['198.18.16.1'], DnsSearch: ['shop.service'] });
    // A question that is lost while the resolver is restarted is asked again after one second, not five.
    expect(HostConfig).toMatchObject({ DnsOptions: ['timeout:1', 'attempts:4'] });
  });

  test('without a resolver, as the engine resolves them', () => {
    const { HostConfig } = containerConfig(
      containerSpec(task(), owner, [], { bindAddress: '0.0.0.0', network }),
    );
    expect(HostConfig).not.toHaveProperty('Dns');
    expect(HostConfig).not.toHaveProperty('DnsSearch');
    expect(HostConfig).not.toHaveProperty('DnsOptions');
  });
});

describe('what is known of a process from its container alone', () => {
  const serving = (patch: Parameters<typeof fakeTask>[1]) => {
    const spec = containerSpec(task(patch), owner, [], { bindAddress: '0.0.0.0' });
    return servingOfContainer({ id: 'c', name: 'c', labels: spec.labels, state: 'running', ports: [] });
  };

  test.each<HealthCheck['check']>([
    { $case: 'http', value: { path: '/health', port: 9090 } },
    { $case: 'tcp', value: { port: 0 } },
    { $case: 'command', value: { command: ['redis-cli', 'ping "x"'] } },
  ])('its ports and its health check: %j', (check) => {
    const ports = [
      { name: 'web', containerPort: 8080 },
      { name: 'admin', containerPort: 80 },
    ];
    const health = { check, intervalMs: 500, timeoutMs: 0, failureThreshold: 2 };
    expect(serving({ process: { ports, health } })).toMatchObject({ ports, health });
  });

  test('no health check', () => {
    expect(serving({})?.health).toBeUndefined();
  });

  test.each<Record<string, string>>([{}, { 'gilliam.serving': '{' }, { 'gilliam.serving': 'null' }])(
    'nothing from the labels %j',
    (labels) => {
      const container = { id: 'c', name: 'c', labels, state: 'running' as const, ports: [] };
      expect(servingOfContainer(container)).toBeUndefined();
    },
  );
});

test('what Docker is asked for', () => {
  const given = task({
    image: 'sha256:abc',
    config: {},
    process: { resources: { cpuMillis: 500, memoryBytes: 268_435_456n, pids: 64 }, graceMs: 2500 },
  });
  const spec = containerSpec(given, owner, [{ containerPort: 8080, hostPort: 10_000 }], {
    bindAddress: '127.0.0.1',
  });
  expect(containerConfig(spec)).toEqual({
    name: 'shop.web-1-1.u1',
    Image: 'sha256:abc',
    Entrypoint: ['/bin/sh'],
    Cmd: ['-c', 'node server.js'],
    Env: [
      'PORT=8080',
      'GILLIAM_STAGE=local',
      'GILLIAM_FORMATION=shop',
      'GILLIAM_SERVICE=web',
      'GILLIAM_INSTANCE=web.1',
      'GILLIAM_RELEASE=v1',
    ],
    Labels: {
      'gilliam.stage': 'local-1f2e3d4c',
      'gilliam.executor': 'e1',
      'gilliam.formation': 'shop',
      'gilliam.instance': 'u1',
      'gilliam.name': 'web-1-1',
      'gilliam.process': 'web',
      'gilliam.ordinal': '1',
      'gilliam.release': 'v1',
      'gilliam.grace-ms': '2500',
      'gilliam.drain-ms': '10000',
      'gilliam.serving': '{"ports":[{"containerPort":8080}]}',
    },
    Hostname: 'web-1-1',
    StopTimeout: 3,
    ExposedPorts: { '8080/tcp': {} },
    Healthcheck: { Test: ['NONE'] },
    HostConfig: {
      RestartPolicy: { Name: 'no' },
      Init: true,
      PortBindings: { '8080/tcp': [{ HostIp: '127.0.0.1', HostPort: '10000' }] },
      NanoCpus: 500_000_000,
      Memory: 268_435_456,
      MemorySwap: 268_435_456,
      PidsLimit: 64,
      CapDrop: ['ALL'],
      CapAdd: ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'KILL', 'NET_BIND_SERVICE', 'SETGID', 'SETUID'],
      SecurityOpt: ['no-new-privileges'],
      Ulimits: [{ Name: 'core', Soft: 0, Hard: 0 }],
      LogConfig: { Type: 'json-file', Config: { 'max-size': '10485760', 'max-file': '3' } },
    },
  });
});

test('an empty command leaves the image its own', () => {
  const config = containerConfig(
    containerSpec(task({ process: { command: [] } }), owner, [], { bindAddress: '0.0.0.0' }),
  );
  expect(config).not.toHaveProperty('Entrypoint');
  expect(config).not.toHaveProperty('Cmd');
});

test('a container’s labels say who it is', () => {
  const spec = containerSpec(task(), owner, [], { bindAddress: '0.0.0.0' });
  const container = { id: 'c', name: spec.name, labels: spec.labels, state: 'running' as const, ports: [] };
  expect(identityOfContainer(container)).toEqual({
    uid: 'u1',
    formation: 'shop',
    name: 'web-1-1',
    process: 'web',
    ordinal: 1,
    shortName: 'web.1',
    release: 'v1',
    graceMs: 10_000,
    drainMs: 10_000,
  });
});

test.each([
  ['sha256:0123', false],
  ['busybox', false],
  ['library/busybox', false],
  ['registry.example/shop@sha256:01', true],
  ['localhost/shop', true],
  ['registry:5000/shop', true],
])('%s: pullable %s', (image, pullable) => {
  expect(isPullable(image)).toBe(pullable);
});

describe('an auxiliary service', () => {
  const volume = {
    metadata: { formation: 'shop', name: '_db-1-data', uid: '0765a2d9-1111' },
    spec: { service: '_db', ordinal: 1, volume: 'data', executor: 'e1' },
  };
  const process = { volumes: [{ name: 'data', path: '/data' }] };
  const at = { bindAddress: '127.0.0.1' };

  test('has its volumes at their paths, under names that no other volume of the engine has', () => {
    const spec = containerSpec(task({ process, volumes: [volume] }), owner, [], at);
    expect(spec.volumes).toMatchObject([
      {
        name: 'local-1f2e3d4c.shop._db.1.data.0765a2d9',
        path: '/data',
        labels: { 'gilliam.stage': owner.key },
      },
    ]);
    expect(containerConfig(spec).HostConfig?.Mounts).toEqual([
      { Type: 'volume', Source: 'local-1f2e3d4c.shop._db.1.data.0765a2d9', Target: '/data' },
    ]);
  });

  test('is not made without a volume that it should have', () => {
    expect(() => containerSpec(task({ process }), owner, [], at)).toThrow(
      'volume data of web-1-1 is not known here',
    );
  });

  test('has a host name that programs take', () => {
    const given = task();
    Object.assign(given.instance.metadata, { name: '_db-1-1' });
    expect(containerSpec(given, owner, [], at).hostname).toBe('db-1-1');
  });
});
