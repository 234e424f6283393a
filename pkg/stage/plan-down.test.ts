import { type DownStep, type DownSurvey, planDown } from './plan-down';

const up: DownSurvey = {
  running: new Set(['supervisor', 'etcd', 'controlplane', 'network', 'router', 'executor']),
  containers: 3,
  haproxy: true,
  virtualIps: true,
  engineOwner: 'other',
  known: true,
  keepInstances: false,
  forget: false,
};
const down = { running: new Set<string>(), haproxy: false, virtualIps: false };
const networking = ['router', 'haproxy', 'network', 'virtual-ips'] as const;
const withEngine = { running: new Set([...up.running, 'dockerd']) };

describe('gilliam down', () => {
  test.each<[string, Partial<DownSurvey>, DownStep[]]>([
    [
      'stops everything, who restarts things first',
      {},
      ['supervisor', 'executor', 'instances', ...networking, 'controlplane', 'etcd'],
    ],
    [
      'stops the registry of a stage that is open to other machines once nobody asks it any more',
      { running: new Set([...up.running, 'images']) },
      [
        ...(['supervisor', 'executor', 'instances', ...networking] as const),
        ...(['controlplane', 'image-registry', 'etcd'] as const),
      ],
    ],
    [
      'on a machine that has joined: what is there',
      { running: new Set(['supervisor', 'network', 'router', 'executor']) },
      ['supervisor', 'executor', 'instances', ...networking],
    ],
    [
      'keeps the instances',
      { keepInstances: true },
      ['supervisor', 'executor', 'router', 'haproxy', 'network', 'controlplane', 'etcd'],
    ],
    ['a stage that is down: nothing', { ...down, containers: 0 }, []],
    ['containers that outlived everything', down, ['instances']],
    ['an HAProxy that outlived its router', { ...down, haproxy: true, containers: 0 }, ['haproxy']],
    ['rules that outlived everything', { ...down, virtualIps: true, containers: 0 }, ['virtual-ips']],
    [
      'stops the engine that it has started',
      { ...withEngine, engineOwner: 'supervisor' },
      ['supervisor', 'executor', 'instances', ...networking, 'controlplane', 'etcd', 'dockerd'],
    ],
    [
      'keeps that engine for the instances it keeps',
      { ...withEngine, engineOwner: 'supervisor', keepInstances: true },
      ['supervisor', 'executor', 'router', 'haproxy', 'network', 'controlplane', 'etcd'],
    ],
    [
      'forgets',
      { forget: true },
      [
        'supervisor',
        'executor',
        'instances',
        ...networking,
        'controlplane',
        'volumes',
        'images',
        'etcd',
        'forget',
      ],
    ],
    ['forgets what is down', { forget: true, ...down, containers: 0 }, ['volumes', 'images', 'forget']],
  ])('%s', (_, survey, steps) => expect(planDown({ ...up, ...survey })).toEqual(steps));
});
