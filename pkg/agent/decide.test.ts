import fc from 'fast-check';
import { fakeTask } from '../testing/task';
import type { Action, Facts } from './decide';
import { decide } from './decide';
import type { Container, ContainerState } from './driver';
import { completeTask } from './task';
import type { Task } from './task';
import type { Wish } from './wish';

const task = completeTask(fakeTask(1)) as Task;
const run: Wish = { kind: 'run', task };
const stop: Wish = { kind: 'stop', task };
const rest: Wish = { kind: 'rest', task };
const keep: Wish = { kind: 'keep' };
const gone: Wish = { kind: 'gone', notBeforeMs: 0 };

function container(state: ContainerState): Container {
  return { id: 'c', name: 'c', labels: {}, state, ports: [] };
}
const created = container('created');
const running = container('running');
const exited = container('exited');

function facts(patch: Partial<Facts>): Facts {
  return {
    wish: run,
    container: undefined,
    mayCreate: true,
    networkKnown: true,
    drained: true,
    failed: false,
    pull: false,
    discard: false,
    judged: false,
    startNotBeforeMs: 0,
    engineNotBeforeMs: 0,
    nowMs: 1000,
    ...patch,
  };
}

const wait: Action = { kind: 'wait' };

test.each<[string, Partial<Facts>, Action]>([
  ['nothing there: make it', {}, { kind: 'create' }],
  ['its image is not there: pull it', { pull: true }, { kind: 'pull' }],
  ['new work has to wait', { mayCreate: false }, wait],
  ['nobody has said what instances are given', { networkKnown: false }, { kind: 'wait', for: 'network' }],
  [
    'made before that: start it',
    { container: created, networkKnown: false },
    { kind: 'start', container: created },
  ],
  ['made: start it', { container: created }, { kind: 'start', container: created }],
  [
    'made before new work had to wait: start it',
    { container: created, mayCreate: false },
    { kind: 'start', container: created },
  ],
  ['running: nothing to do', { container: running }, wait],
  ['exited: what does it mean?', { container: exited }, { kind: 'judge', container: exited }],
  [
    'exited and judged: start it again',
    { container: exited, judged: true },
    { kind: 'start', container: exited },
  ],
  [
    'in back-off',
    { container: exited, judged: true, startNotBeforeMs: 1500 },
    { kind: 'wait', delayMs: 500 },
  ],
  [
    'its port is taken: make another',
    { container: created, discard: true },
    { kind: 'remove', container: created },
  ],
  ['failed: leave it', { container: exited, failed: true }, wait],
  ['not known: look', { container: 'unknown' }, { kind: 'look' }],
  ['a look does not wait for a back-off', { container: 'unknown', startNotBeforeMs: 9000 }, { kind: 'look' }],
  [
    'a look waits for the engine',
    { container: 'unknown', engineNotBeforeMs: 1200 },
    { kind: 'wait', delayMs: 200 },
  ],
  ['on its way out: look again soon', { container: container('removing') }, { kind: 'wait', delayMs: 100 }],
  ['stop what runs', { wish: stop, container: running }, { kind: 'stop', container: running }],
  [
    'stop what runs: out of routing first',
    { wish: stop, container: running, drained: false },
    { kind: 'drain', container: running },
  ],
  [
    'exited: nothing to drain',
    { wish: stop, container: exited, drained: false },
    { kind: 'remove', container: exited },
  ],
  [
    'lost: out of routing first, too',
    { wish: gone, container: running, drained: false },
    { kind: 'drain', container: running },
  ],
  [
    'a stray is not drained before its time',
    { wish: { kind: 'gone', notBeforeMs: 4000 }, container: running, drained: false },
    { kind: 'wait', delayMs: 3000 },
  ],
  ['remove what is stopped', { wish: stop, container: exited }, { kind: 'remove', container: exited }],
  ['remove what never started', { wish: stop, container: created }, { kind: 'remove', container: created }],
  [
    'a stop does not wait for a back-off',
    { wish: stop, container: exited, startNotBeforeMs: 9000 },
    { kind: 'remove', container: exited },
  ],
  ['stopped and removed', { wish: stop }, { kind: 'finish' }],
  ['lost: stop what runs', { wish: gone, container: running }, { kind: 'stop', container: running }],
  [
    'a stray is given its time',
    { wish: { kind: 'gone', notBeforeMs: 4000 }, container: running },
    { kind: 'wait', delayMs: 3000 },
  ],
  ['failed, but runs: stop it', { wish: rest, container: running }, { kind: 'stop', container: running }],
  ['failed: keep its logs', { wish: rest, container: exited }, wait],
  ['nobody has said yet: leave what runs', { wish: keep, container: running }, wait],
  [
    'nobody has said yet: keep up what exited',
    { wish: keep, container: exited, judged: true },
    { kind: 'start', container: exited },
  ],
  ['nobody has said yet: begin nothing', { wish: keep, container: created }, wait],
])('%s', (_, patch, action) => {
  expect(decide(facts(patch))).toEqual(action);
});

const anyFacts = fc.record<Facts>({
  wish: fc.constantFrom(run, stop, rest, keep, gone, { kind: 'gone', notBeforeMs: 5000 } as Wish),
  container: fc.constantFrom(undefined, 'unknown' as const, created, running, exited, container('removing')),
  mayCreate: fc.boolean(),
  networkKnown: fc.boolean(),
  drained: fc.boolean(),
  failed: fc.boolean(),
  pull: fc.boolean(),
  discard: fc.boolean(),
  judged: fc.boolean(),
  startNotBeforeMs: fc.nat(5000),
  engineNotBeforeMs: fc.nat(5000),
  nowMs: fc.nat(5000),
});

const always = (rule: (facts: Facts, action: Action) => boolean) =>
  fc.assert(
    fc.property(anyFacts, (given) => rule(given, decide(given))),
    { numRuns: 2000 },
  );

test('invariant 2: nothing is made where a container is, or may be', () => {
  always(({ container: there }, { kind }) => kind !== 'create' || there === undefined);
});

test('invariant 10: nothing is made while new work has to wait', () => {
  always(({ mayCreate }, { kind }) => kind !== 'create' || mayCreate);
});

test('invariant 7: nothing is stopped before it is drained', () => {
  always(({ drained }, { kind }) => kind !== 'stop' || drained);
});

test('what is wished to run is never drained or stopped, and a running container never removed', () => {
  always(({ wish, container: there }, { kind }) => {
    if (kind === 'stop' || kind === 'drain') return wish.kind !== 'run' && wish.kind !== 'keep';
    return kind !== 'remove' || there !== running;
  });
});

test('what is not wished to run is never made or started', () => {
  always(
    ({ wish }, { kind }) =>
      !['create', 'start', 'pull'].includes(kind) || ['run', 'keep'].includes(wish.kind),
  );
});
