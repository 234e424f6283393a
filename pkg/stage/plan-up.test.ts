import { planUp, type Survey, type UpPlan } from './plan-up';

const build = '1+b';
const up = {
  supervisor: build,
  controlplane: build,
  network: build,
  router: build,
  executor: build,
  etcd: build,
};

const fresh: Survey = {
  role: 'stage',
  handsOutImages: false,
  changed: false,
  root: true,
  systemd: false,
  etcdVersion: '3.4.23',
  dockerd: true,
  engine: { state: 'answers', version: '20.10.24' },
  remoteEngine: false,
  baseImage: false,
  mmdebstrap: true,
  dockerRegistry: false,
  ownBaseImage: true,
  haproxyVersion: '2.6.12',
  nft: true,
  running: {},
};

const joined = { supervisor: build, network: build, router: build, executor: build };
/** Nothing is built there, and nothing kept. */
const joins: Partial<Survey> = { role: 'executor', etcdVersion: undefined, mmdebstrap: false };

describe('gilliam up', () => {
  test.each<[string, Partial<Survey>, Partial<UpPlan>]>([
    ['on a fresh machine', {}, { steps: ['prepare', 'start', 'base-image', 'ready'], engineOwner: 'other' }],
    ['twice: only makes sure', { running: up, baseImage: true }, { steps: ['ready'] }],
    ['after the base image was removed', { running: up }, { steps: ['base-image', 'ready'] }],
    [
      'after the supervisor was killed',
      { running: { ...up, supervisor: undefined as never }, baseImage: true },
      { steps: ['prepare', 'start', 'base-image', 'ready'] },
    ],
    [
      'with a newer build: etcd stays',
      { running: { ...up, supervisor: '0+a', controlplane: '0+a', executor: '0+a' }, baseImage: true },
      { steps: ['stop-older', 'prepare', 'start', 'base-image', 'ready'] },
    ],
    [
      'with a build from before there was a network and a router',
      {
        running: { ...up, supervisor: '0+a', network: undefined as never, router: undefined as never },
        baseImage: true,
      },
      { steps: ['stop-older', 'prepare', 'start', 'base-image', 'ready'] },
    ],
    [
      'where Docker does not run, without systemd',
      { engine: { state: 'silent' } },
      { steps: ['prepare', 'start', 'wait-engine', 'base-image', 'ready'], engineOwner: 'supervisor' },
    ],
    [
      'where Docker does not run, with systemd',
      { engine: { state: 'silent' }, systemd: true },
      {
        steps: ['start-engine', 'prepare', 'start', 'wait-engine', 'base-image', 'ready'],
        engineOwner: 'systemd',
      },
    ],
    [
      'without its image registry, where other machines have images of it',
      { running: up, baseImage: true, handsOutImages: true, dockerRegistry: true },
      { steps: ['prepare', 'start', 'base-image', 'ready'] },
    ],
    [
      'with a Docker Engine of its own',
      { running: { ...up, dockerd: build }, baseImage: true, engineOwner: 'supervisor' },
      { steps: ['ready'], engineOwner: 'supervisor' },
    ],
    [
      'after somebody else has started Docker instead',
      { running: up, baseImage: true, engineOwner: 'supervisor' },
      { steps: ['stop-older', 'prepare', 'start', 'base-image', 'ready'], engineOwner: 'other' },
    ],
    [
      'after the Docker Engine of somebody else has ended',
      { running: up, engine: { state: 'silent' }, engineOwner: 'other' },
      {
        steps: ['stop-older', 'prepare', 'start', 'wait-engine', 'base-image', 'ready'],
        engineOwner: 'supervisor',
      },
    ],
    [
      'to be open to other machines: etcd stays',
      { running: up, baseImage: true, changed: true },
      { steps: ['stop-older', 'prepare', 'start', 'base-image', 'ready'] },
    ],
    [
      'to be open to other machines, where nothing runs',
      { changed: true, baseImage: true },
      { steps: ['prepare', 'start', 'base-image', 'ready'] },
    ],
    ['on a machine that joins', joins, { steps: ['prepare', 'start', 'ready'] }],
    ['on a machine that has joined', { ...joins, running: joined }, { steps: ['ready'] }],
    [
      'on a machine that has joined, after its router was killed',
      { ...joins, running: { ...joined, router: undefined as never } },
      { steps: ['prepare', 'start', 'ready'] },
    ],
    [
      'on a machine that has joined, with a newer build',
      { ...joins, running: { ...joined, executor: '0+a' } },
      { steps: ['stop-older', 'prepare', 'start', 'ready'] },
    ],
    [
      'on a machine that joins where Docker does not run',
      { ...joins, engine: { state: 'silent' } },
      { steps: ['prepare', 'start', 'wait-engine', 'ready'], engineOwner: 'supervisor' },
    ],
  ])('%s', (_, survey, expected) => {
    const running = Object.fromEntries(Object.entries(survey.running ?? {}).filter(([, value]) => value));
    expect(planUp({ ...fresh, ...survey, running }, build)).toMatchObject({ problems: [], ...expected });
  });

  test.each<[string, Partial<Survey>, string]>([
    ['no etcd', { etcdVersion: undefined }, 'etcd is not installed'],
    [
      'no image registry, with other machines',
      { handsOutImages: true },
      "docker-registry, by which other machines have the stage's images, is not installed",
    ],
    ['an etcd without what watches need', { etcdVersion: '3.3.25' }, 'etcd 3.3.25 is too old'],
    ['no Docker at all', { engine: { state: 'no-client' } }, 'Docker is not installed'],
    ['a client only', { engine: { state: 'silent' }, dockerd: false }, 'the Docker Engine is not installed'],
    ['no right to use Docker', { engine: { state: 'denied' } }, 'add yourself to the group docker'],
    [
      'Docker not running, and not root',
      { engine: { state: 'silent' }, root: false },
      'start it (sudo systemctl',
    ],
    ['a remote engine that is away', { engine: { state: 'silent' }, remoteEngine: true }, 'DOCKER_HOST'],
    ['no HAProxy', { haproxyVersion: undefined }, 'HAProxy, which the router drives, is not installed'],
    ['an HAProxy without what the router needs', { haproxyVersion: '2.4.24' }, 'HAProxy 2.4.24 is too old'],
    ['no HAProxy on a machine that joins', { ...joins, haproxyVersion: undefined }, 'HAProxy, which'],
    ['no Docker on a machine that joins', { ...joins, engine: { state: 'no-client' } }, 'Docker is not'],
    ['nothing to make the base image with', { mmdebstrap: false }, 'mmdebstrap'],
  ])('does nothing, and says so: %s', (_, survey, message) => {
    const { problems, steps } = planUp({ ...fresh, ...survey }, build);
    expect(problems).toEqual([expect.stringContaining(message)]);
    expect(steps).toEqual([]);
  });

  test('carries on without nftables, and says so to those who could use it', () => {
    const without = planUp({ ...fresh, nft: false }, build);
    expect(without.advice).toEqual([expect.stringMatching(/nftables, without which .*gilliam up --install/)]);
    expect(without.steps).toContain('ready');
    expect(planUp({ ...fresh, nft: false, root: false }, build).advice).toEqual([]);
    expect(planUp(fresh, build).advice).toEqual([]);
  });

  test('needs nothing to make a base image that is there, or is pulled', () => {
    for (const survey of [{ baseImage: true }, { ownBaseImage: false }]) {
      expect(planUp({ ...fresh, mmdebstrap: false, ...survey }, build).problems).toEqual([]);
    }
  });
});
