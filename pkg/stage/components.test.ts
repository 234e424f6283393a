import { stageComponents } from './components';
import type { StageConfig } from './config';
import { pathsIn } from './paths';

const config: StageConfig = {
  layout: 1,
  stage: 'local',
  id: '1f2e3d4c',
  ports: { api: 4410 },
  hostPortBase: 12_000,
  executor: { name: 'one', host: 'one.example.com' },
  etcdBinary: '/usr/bin/etcd',
  engine: { owner: 'other' },
  baseImage: 'gilliam/base:bookworm',
  extraCertificates: '/etc/ca.pem',
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
      SECRET: 'of the person',
      NODE_OPTIONS: '--x',
    },
  };
  return new Map(stageComponents(input).map((component) => [component.name, component]));
}

describe("a stage's components", () => {
  test('are started in an order in which each finds what it needs', () => {
    expect([...components().keys()]).toEqual(['etcd', 'controlplane', 'executor']);
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
      },
      stopGraceMs: 10_000,
    });
    const { env } = components().get('controlplane') ?? {};
    expect(env).toMatchObject({ HTTPS_PROXY: 'http://proxy', GILLIAM_EXTRA_CERTIFICATES: '/etc/ca.pem' });
    expect(env).not.toHaveProperty('SECRET');
    expect(env).not.toHaveProperty('NODE_OPTIONS');
  });

  test('give no token away: it is in a file', () => {
    const all = JSON.stringify([...components().values()]);
    expect(all).toContain('GILLIAM_USER_TOKEN_FILE');
    expect(all).not.toMatch(/GILLIAM_TOKEN"/);
  });
});
