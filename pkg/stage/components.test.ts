import { stageComponents } from './components';
import type { StageConfig } from './config';
import { pathsIn } from './paths';
import { portsOfBlock } from './ports';

const config: StageConfig = {
  layout: 3,
  role: 'stage',
  stage: 'local',
  id: '1f2e3d4c',
  ports: portsOfBlock(4410),
  network: { routerPorts: { http: 8080, https: 8443 }, virtualRange: '198.18.16.0/20' },
  hostPortBase: 12_000,
  executor: { name: 'one', host: 'one.example.com' },
  etcdBinary: '/usr/bin/etcd',
  engine: { owner: 'other' },
  baseImage: 'gilliam/base:bookworm',
  extraCertificates: '/etc/ca.pem',
  proxyAllow: '*.example.com',
};

function components(change: Partial<StageConfig> = {}) {
  const input = {
    config: { ...config, ...change },
    paths: pathsIn('/data/local', 'local'),
    packageRoot: '/package',
    node: '/usr/bin/node',
    env: {
      PATH: '/bin',
      HOME: '/root',
      HTTPS_PROXY: 'http://proxy',
      GILLIAM_PROXY_ALLOW: '*',
      SECRET: 'of the person',
      NODE_OPTIONS: '--x',
    },
  };
  return new Map(stageComponents(input).map((component) => [component.name, component]));
}

describe("a stage's components", () => {
  test('are started in an order in which each finds what it needs', () => {
    expect([...components().keys()]).toEqual(['etcd', 'controlplane', 'network', 'router', 'executor']);
  });

  test('have dockerd among them only where the stage has to keep it', () => {
    expect(components().has('dockerd')).toBe(false);
    expect([...components({ engine: { owner: 'supervisor' } }).keys()][0]).toBe('dockerd');
  });

  test('are reached over loopback with a token, or by a socket that only the owner can open', () => {
    const etcd = components().get('etcd');
    const listens = etcd?.args.filter((arg) => arg.startsWith('--listen'));
    expect(listens).toEqual([
      '--listen-client-urls=unix://etcd-client.sock:0',
      '--listen-peer-urls=unix://etcd-peer.sock:0',
    ]);
    expect(etcd?.cwd).toBe('/data/local/run');
    expect(components().get('controlplane')?.env).toMatchObject({
      GILLIAM_LISTEN: '127.0.0.1:4410',
      GILLIAM_ETCD: 'unix:/data/local/run/etcd-client.sock:0',
    });
  });

  test('are told all they need by their environment, and nothing of the person who starts them', () => {
    expect(components().get('executor')).toEqual({
      name: 'executor',
      command: '/usr/bin/node',
      args: ['--enable-source-maps', '/package/dist/cmd/executor.js'],
      env: {
        PATH: '/bin',
        HOME: '/root',
        GILLIAM_STAGE: 'local',
        GILLIAM_STAGE_KEY: 'local-1f2e3d4c',
        GILLIAM_API: '127.0.0.1:4410',
        GILLIAM_TOKEN_FILE: '/data/local/tokens/executor',
        GILLIAM_EXECUTOR_NAME: 'one',
        GILLIAM_EXECUTOR_HOST: 'one.example.com',
        GILLIAM_HOST_PORT_BASE: '12000',
        GILLIAM_DATA_DIR: '/data/local/executor',
        GILLIAM_REGISTRY: 'http://127.0.0.1:4411',
        GILLIAM_REGISTRY_ADDRESS: '127.0.0.1:4411',
      },
      stopGraceMs: 10_000,
    });
    const { env } = components().get('controlplane') ?? {};
    expect(env).toMatchObject({ HTTPS_PROXY: 'http://proxy', GILLIAM_EXTRA_CERTIFICATES: '/etc/ca.pem' });
    expect(env).not.toHaveProperty('SECRET');
    expect(env).not.toHaveProperty('NODE_OPTIONS');
  });

  test('are told where to listen, and find nft and HAProxy wherever administrators have them', () => {
    expect(components().get('network')?.env).toEqual({
      PATH: '/bin:/usr/local/sbin:/usr/sbin:/sbin',
      HOME: '/root',
      GILLIAM_STAGE: 'local',
      GILLIAM_STAGE_KEY: 'local-1f2e3d4c',
      GILLIAM_EXECUTOR_NAME: 'one',
      GILLIAM_API: '127.0.0.1:4410',
      GILLIAM_TOKEN_FILE: '/data/local/tokens/executor',
      GILLIAM_DATA_DIR: '/data/local/network',
      GILLIAM_PROXY_ALLOW: '*.example.com',
      GILLIAM_REGISTRY_PORT: '4411',
      GILLIAM_PROXY_PORT: '4412',
      GILLIAM_DNS_PORT: '4413',
      GILLIAM_VIRTUAL_RANGE: '198.18.16.0/20',
    });
    expect(components().get('router')?.env).toEqual({
      PATH: '/bin:/usr/local/sbin:/usr/sbin:/sbin',
      HOME: '/root',
      GILLIAM_STAGE: 'local',
      GILLIAM_STAGE_KEY: 'local-1f2e3d4c',
      GILLIAM_API: '127.0.0.1:4410',
      GILLIAM_TOKEN_FILE: '/data/local/tokens/executor',
      GILLIAM_EXECUTOR_NAME: 'one',
      GILLIAM_REGISTRY: 'http://127.0.0.1:4411',
      GILLIAM_DATA_DIR: '/data/local/router',
      GILLIAM_HTTP_PORT: '8080',
      GILLIAM_HTTPS_PORT: '8443',
    });
  });

  describe('of a stage that is open to other machines', () => {
    const open = () => components({ address: '10.0.0.1', executor: { name: 'one', host: '10.0.0.1' } });

    test('listen there as well, and show a certificate', () => {
      expect(open().get('controlplane')?.env).toMatchObject({
        GILLIAM_LISTEN: '127.0.0.1:4410,10.0.0.1:4410',
        GILLIAM_TLS_CERTIFICATE_FILE: '/data/local/tls/api.pem',
        GILLIAM_TLS_KEY_FILE: '/data/local/tls/api-key.pem',
        GILLIAM_CA_FILE: '/data/local/tls/ca.pem',
        GILLIAM_CA_KEY_FILE: '/data/local/tls/ca-key.pem',
      });
      for (const name of ['network', 'executor'] as const)
        expect(open().get(name)?.env).toMatchObject({ GILLIAM_REGISTRY_ADDRESS: '10.0.0.1:4411' });
    });

    test('hand out its images, of a registry that only its owner reaches', () => {
      expect([...open().keys()].slice(0, 3)).toEqual(['etcd', 'images', 'controlplane']);
      expect(open().get('images')).toEqual({
        name: 'images',
        command: '/package/hack/images.sh',
        args: ['/data/local/images', '/data/local/run/images.sock'],
        env: { PATH: '/bin:/usr/local/sbin:/usr/sbin:/sbin', HOME: '/root' },
        sockets: ['/data/local/run/images.sock'],
        stopGraceMs: 10_000,
      });
      const setting = { GILLIAM_IMAGES: 'unix:/data/local/run/images.sock' };
      expect(open().get('controlplane')?.env).toMatchObject(setting);
      expect(components().get('controlplane')?.env).not.toHaveProperty('GILLIAM_IMAGES');
    });

    test('know it by its authority', () => {
      for (const name of ['network', 'router', 'executor'] as const)
        expect(open().get(name)?.env).toMatchObject({
          GILLIAM_API: '127.0.0.1:4410',
          GILLIAM_CA_FILE: '/data/local/tls/ca.pem',
        });
    });

    test('at an address of version 6', () => {
      const { env } = components({ address: 'fd00::1' }).get('controlplane') ?? {};
      expect(env?.GILLIAM_LISTEN).toBe('127.0.0.1:4410,[fd00::1]:4410');
    });
  });

  test('of a machine that has joined are what runs instances and reaches them, with the API elsewhere', () => {
    const joined = components({ role: 'executor', address: '10.0.0.2', api: '10.0.0.1:4410' });
    expect([...joined.keys()]).toEqual(['network', 'router', 'executor']);
    for (const { env } of joined.values()) {
      expect(env).toMatchObject({ GILLIAM_API: '10.0.0.1:4410', GILLIAM_CA_FILE: '/data/local/tls/ca.pem' });
      expect(env).not.toHaveProperty('GILLIAM_CA_KEY_FILE');
    }
    expect(joined.get('network')?.env).toMatchObject({ GILLIAM_API_RELAY_PORT: '4410' });
    expect(joined.get('executor')?.env).toMatchObject({
      GILLIAM_REGISTRY: 'http://127.0.0.1:4411',
      GILLIAM_REGISTRY_ADDRESS: '10.0.0.2:4411',
    });
  });

  test('have no networking in a stage that has none yet', () => {
    const before = components({ network: undefined });
    expect([...before.keys()]).toEqual(['etcd', 'controlplane', 'executor']);
    expect(before.get('executor')?.env).not.toHaveProperty('GILLIAM_REGISTRY');
  });

  test('give no token away: it is in a file', () => {
    const all = JSON.stringify([...components().values()]);
    expect(all).toContain('GILLIAM_USER_TOKEN_FILE');
    expect(all).not.toMatch(/GILLIAM_TOKEN"/);
  });
});
