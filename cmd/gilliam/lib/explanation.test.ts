import { createColors } from 'picocolors';
import { Event, Event_Severity } from '../../../pkg/gen/gilliam/v1/event';
import { InstanceSpec_Desired, InstanceState } from '../../../pkg/gen/gilliam/v1/instance';
import { ExplainInstanceResponse } from '../../../pkg/gen/gilliam/v1/instance_service';
import { explanation } from './explanation';

const nowMs = Date.UTC(2026, 0, 1);
const options = { nowMs, colors: createColors(false) };
const pending = {
  spec: { release: 'v2', process: 'web', ordinal: 1 },
  status: { state: InstanceState.PENDING, changed: new Date(nowMs), message: '0 of 2 executors' },
};

test('every executor’s verdict per clause, the nearest miss, what happened', () => {
  const explained = ExplainInstanceResponse.fromPartial({
    instance: pending,
    verdicts: [
      {
        executor: 'a',
        clauses: [
          { clause: 'ready', passed: false, detail: 'lost' },
          { clause: 'memory', passed: false, detail: 'needs 2 GiB, 1 GiB of 4 GiB is free' },
        ],
      },
      {
        executor: 'b',
        clauses: [
          { clause: 'ready', passed: true },
          { clause: 'tags.ssd == "yes"', passed: false, detail: 'tags.ssd is "no"' },
        ],
      },
    ],
  });
  const event = Event.fromPartial({
    severity: Event_Severity.WARNING,
    name: 'web.1',
    reason: 'Unschedulable',
    message: '0 of 2 executors',
    count: 3,
    last: new Date(nowMs - 60_000),
  });
  expect(explanation(explained, [event], options)).toEqual([
    'web.1 v2 state pending (just now): 0 of 2 executors',
    '',
    'executor a: no',
    '  ✗ ready: lost',
    '  ✗ memory: needs 2 GiB, 1 GiB of 4 GiB is free',
    'executor b: no',
    '  ✓ ready',
    '  ✗ tags.ssd == "yes": tags.ssd is "no"',
    '',
    'nearest miss: b, but for tags.ssd == "yes" (tags.ssd is "no")',
    'to place it: start an executor that fulfils tags.ssd == "yes", or change the requirement',
    '',
    'WHEN          SEVERITY  WHAT   REASON         MESSAGE',
    '1 minute ago  warning   web.1  Unschedulable  0 of 2 executors (3 times)',
  ]);
});

test.each([
  [
    { executor: 'a', desired: InstanceSpec_Desired.STOPPED },
    { exitCode: 143 },
    'it ended on executor a with exit 143, as it was asked to. What it printed: gilliam logs web.1',
  ],
  [
    { executor: 'a', oneOff: {} },
    { exitCode: 0 },
    'it ended on executor a with exit 0. It was to run once. What it printed: gilliam logs web.1',
  ],
  [{ desired: InstanceSpec_Desired.STOPPED }, {}, 'it was asked to stop before it was placed'],
])('one that is over says how it ended, not where there would be room: %j', (spec, status, expected) => {
  const explained = ExplainInstanceResponse.fromPartial({
    instance: {
      spec: { ...pending.spec, ...spec },
      status: { state: InstanceState.STOPPED, changed: new Date(nowMs), ...status },
    },
    verdicts: [{ executor: 'a', clauses: [{ clause: 'ready', passed: false, detail: 'lost' }] }],
  });
  expect(explanation(explained, [], options)).toEqual(['web.1 v2 state stopped (just now)', '', expected]);
});

test('there is no nearest miss where one would take it', () => {
  const verdicts = [
    { executor: 'a', accepted: true, chosen: true, rank: -2, clauses: [{ clause: 'ready', passed: true }] },
  ];
  const lines = explanation(
    ExplainInstanceResponse.fromPartial({ instance: pending, verdicts }),
    [],
    options,
  );
  expect(lines.slice(2)).toEqual(['executor a: yes (rank -2), chosen', '  ✓ ready']);
});

test('a stage without executors says so', () => {
  const lines = explanation(ExplainInstanceResponse.fromPartial({ instance: pending }), [], options);
  expect(lines.at(-1)).toBe('no executor is known to this stage: gilliam executors');
});
