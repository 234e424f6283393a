import { type DownStep, type DownSurvey, planDown } from './plan-down';

const up: DownSurvey = {
  running: new Set(['supervisor', 'etcd', 'controlplane', 'executor']),
  containers: 3,
  engineOwner: 'other',
  known: true,
  keepInstances: false,
  forget: false,
};
const withEngine = { running: new Set([...up.running, 'dockerd']) };

describe('gilliam down', () => {
  test.each<[string, Partial<DownSurvey>, DownStep[]]>([
    [
      'stops everything, who restarts things first',
      {},
      ['supervisor', 'executor', 'instances', 'controlplane', 'etcd'],
    ],
    ['keeps the instances', { keepInstances: true }, ['supervisor', 'executor', 'controlplane', 'etcd']],
    ['a stage that is down: nothing', { running: new Set(), containers: 0 }, []],
    ['containers that outlived everything', { running: new Set() }, ['instances']],
    [
      'stops the engine that it has started',
      { ...withEngine, engineOwner: 'supervisor' },
      ['supervisor', 'executor', 'instances', 'controlplane', 'etcd', 'dockerd'],
    ],
    [
      'keeps that engine for the instances it keeps',
      { ...withEngine, engineOwner: 'supervisor', keepInstances: true },
      ['supervisor', 'executor', 'controlplane', 'etcd'],
    ],
    [
      'forgets',
      { forget: true },
      ['supervisor', 'executor', 'instances', 'controlplane', 'images', 'etcd', 'forget'],
    ],
    ['forgets what is down', { forget: true, running: new Set(), containers: 0 }, ['images', 'forget']],
  ])('%s', (_, survey, steps) => expect(planDown({ ...up, ...survey })).toEqual(steps));
});
