import { createColors } from 'picocolors';
import {
  Instance,
  InstanceSpec_Desired,
  InstanceState,
  type InstanceStatus,
} from '../../../pkg/gen/gilliam/v1/instance';
import { compareInstances, instanceLine } from './instance-line';

const now = Date.UTC(2026, 0, 1);
const plain = createColors(false);

function instance(status: Partial<InstanceStatus>, spec: Partial<Instance['spec']> = {}): Instance {
  return Instance.fromPartial({
    metadata: { name: 'web-1-1', formation: 'shop' },
    spec: {
      release: 'v2',
      process: 'web',
      ordinal: 1,
      incarnation: 1,
      desired: InstanceSpec_Desired.RUNNING,
      ...spec,
    },
    status: { changed: new Date(now), ...status },
  });
}

const up = {
  state: InstanceState.RUNNING,
  ready: true,
  host: 'H',
  ports: [{ name: '', containerPort: 8080, hostPort: 10_000 }],
};

test.each<[string, Partial<InstanceStatus>, string]>([
  ['running', up, 'web.1 v2 state running (just now) on host H port 10000'],
  [
    'for a while',
    { ...up, changed: new Date(now - 120_000) },
    'web.1 v2 state running (2 minutes ago) on host H port 10000',
  ],
  ['without ports', { ...up, ports: [] }, 'web.1 v2 state running (just now) on host H'],
  [
    'with several ports',
    { ...up, ports: [...up.ports, { name: 'admin', containerPort: 9000, hostPort: 10_001 }] },
    'web.1 v2 state running (just now) on host H port 10000,10001',
  ],
  [
    'restarted',
    { ...up, restarts: 1, exitCode: 0 },
    'web.1 v2 state running (just now) on host H port 10000, 1 restart, exit 0',
  ],
  [
    'in back-off',
    {
      ...up,
      ready: false,
      reason: 'Restarting',
      message: 'exit 1, restart 4 in 4 s',
      restarts: 3,
      exitCode: 1,
    },
    'web.1 v2 state restarting (just now) on host H port 10000, 3 restarts: exit 1, restart 4 in 4 s',
  ],
  [
    'failing its check',
    { ...up, ready: false, reason: 'Unhealthy', message: 'GET / answers 500' },
    'web.1 v2 state unhealthy (just now) on host H port 10000: GET / answers 500',
  ],
  [
    'pending',
    { state: InstanceState.PENDING, message: '0 of 3 executors: 2 cordoned, 1 too little memory' },
    'web.1 v2 state pending (just now): 0 of 3 executors: 2 cordoned, 1 too little memory',
  ],
  [
    'failed',
    { state: InstanceState.FAILED, host: 'H', message: 'the image is gone' },
    'web.1 v2 state failed (just now) on host H: the image is gone',
  ],
])('%s', (_what, status, line) => {
  expect(instanceLine(instance(status), { nowMs: now, colors: plain })).toBe(line);
});

test('one that is asked to stop is stopping before its executor says so', () => {
  const stopping = instance(up, { desired: InstanceSpec_Desired.STOPPED });
  expect(instanceLine(stopping, { nowMs: now, colors: plain })).toMatch(/^web.1 v2 state stopping /);
});

test('the state has a colour, and nothing else does', () => {
  const line = instanceLine(instance(up), { nowMs: now, colors: createColors(true) });
  expect(line).toBe('web.1 v2 state \u001b[32mrunning\u001b[39m (just now) on host H port 10000');
});

test('the formation stands before the name where several are shown', () => {
  expect(instanceLine(instance(up), { nowMs: now, colors: plain, withFormation: true })).toMatch(
    /^shop\/web\.1 v2 /,
  );
});

test('web first, then by process and ordinal as a number', () => {
  const names = [
    ['worker', 1],
    ['web', 10],
    ['web', 9],
    ['admin', 1],
  ] as const;
  const sorted = names
    .map(([process, ordinal]) => instance(up, { process, ordinal }))
    .sort(compareInstances)
    .map(({ spec }) => `${spec?.process}.${spec?.ordinal}`);
  expect(sorted).toEqual(['web.9', 'web.10', 'admin.1', 'worker.1']);
});
