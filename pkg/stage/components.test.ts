import { stageComponents } from './components';
import type { StageConfig } from './config';
import { pathsIn } from './paths';

const config: StageConfig = {
  layout: 1,
  stage: 'local',
  ports: { api: 4410, etcdClient: 4411, etcdPeer: 4412 },
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

  test('listen on loopback only', () => {
    const listens = [...(components().get('etcd')?.args ?? [])].filter((arg) =>
      /^--listen|^--advert/.test(arg),
    );
    expect(listens).toHaveLength(3);
    for (const listen of listens) expect(listen).toContain('=http://127.0.0.1:');
    expect(components().get('controlplane')?.env.GILLIAM_LISTEN).toBe('127.0.0.1:4410');
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
        GILLIAM_API: '127.0.0.1:4410',
        GILLIAM_TOKEN_FILE: '/data/local/tokens/executor',
        GILLIAM_EXECUTOR_NAME: 'one',
        GILLIAM_EXECUTOR_HOST: 'one.example.com',
        GILLIAM_EXECUTOR_DATA: '/data/local/executor',
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
