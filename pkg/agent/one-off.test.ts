import { InstanceSpec_Desired, InstanceState } from '../gen/gilliam/v1/instance';
import type { OneOff } from '../gen/gilliam/v1/instance';
import type { Task } from '../gen/gilliam/v1/session_service';
import { AgentRig } from '../testing/agent-rig';
import { fakeTask } from '../testing/task';

const { RUNNING, STOPPED, FAILED } = InstanceState;

let rig: AgentRig;
afterEach(() => rig.end());

async function begin(...args: ConstructorParameters<typeof AgentRig>): Promise<void> {
  rig = await new AgentRig(...args).begin();
}

/** An instance that runs once: attached to, unless said otherwise. */
function once(patch: Partial<OneOff> = {}): Task {
  const task = fakeTask(1);
  const { spec } = task.instance ?? {};
  if (!spec) throw new Error('a task without an instance');
  spec.process = 'run';
  spec.oneOff = {
    command: ['sh'],
    tty: false,
    attached: true,
    env: {},
    ports: [],
    cronJob: '',
    like: '',
    deadlineMs: 0,
    executor: '',
    ...patch,
  };
  return task;
}

const wanted = { stream: 's1', uid: 'u1' };

test('it starts when somebody is attached, who gets all that it prints and its exit code; nothing is left', async () => {
  await begin();
  rig.plane.assign(once());
  await rig.clock.advance(100);
  expect(rig.driver.calls).toEqual(['create web-1-1']);
  const caller = rig.plane.wantTerminal(wanted);
  await rig.clock.advance(100);
  expect(rig.state('u1')).toBe(RUNNING);
  const terminal = rig.driver.terminal(rig.id('u1'));
  await terminal?.print('hello');
  await terminal?.print('no', 'stderr');
  caller.type('ls\n');
  caller.send({ $case: 'stdinEnd', value: true });
  await rig.clock.advance(10);
  expect(terminal).toMatchObject({ text: 'ls\n', inputEnded: true });
  terminal?.finish(42);
  await rig.clock.advance(100);
  expect(caller).toMatchObject({ text: 'hello', errors: 'no', exit: { code: 42, error: '' } });
  expect(rig.plane.status('u1')).toMatchObject({ state: STOPPED, exitCode: 42, ready: false });
  expect(rig.driver.containers).toEqual([]);
});

test('it has the command, the environment and the ports that were asked for, and is given no logs', async () => {
  await begin();
  const ports = [{ name: '', containerPort: 80, hostPort: 8081 }];
  rig.plane.assign(once({ command: ['echo', 'x'], env: { TERM: 'vt100' }, tty: true, ports }));
  await rig.clock.advance(100);
  expect(rig.container('u1')?.spec).toMatchObject({
    command: ['echo', 'x'],
    environment: { TERM: 'vt100', GREETING: 'hello', GILLIAM_INSTANCE: 'run.1', GILLIAM_RELEASE: 'v1' },
    attach: { tty: true },
    logs: { bytes: 0, files: 0 },
    ports: [{ containerPort: 80, hostPort: 8081 }],
  });
});

test('a detached one starts at once, and ends by itself', async () => {
  await begin();
  rig.plane.assign(once({ attached: false, command: ['sh', '-c', 'exit 3'] }));
  await rig.clock.advance(100);
  expect(rig.plane.status('u1')).toMatchObject({ state: STOPPED, exitCode: 3, message: 'exit 3' });
  expect(rig.driver.calls).toEqual(['create web-1-1', 'start web-1-1', 'remove web-1-1']);
  expect(rig.reasons()).toEqual(['Exited']);
});

test('it is not announced', async () => {
  await begin({}, {}, { network: true });
  await rig.clock.advance(1_000);
  rig.plane.assign(once({ attached: false }));
  await rig.clock.advance(1_000);
  expect(rig.state('u1')).toBe(RUNNING);
  expect([...(rig.network?.entries ?? [1])]).toEqual([]);
});

test('what cannot be run says why, and how a shell would say it', async () => {
  await begin();
  rig.driver.badCommands.add('nosuch');
  rig.plane.assign(once({ command: ['nosuch'] }));
  const caller = rig.plane.wantTerminal(wanted);
  await rig.clock.advance(100);
  expect(caller.exit).toEqual({ code: 127, error: 'exec: "nosuch": executable file not found in $PATH' });
  expect(rig.state('u1')).toBe(FAILED);
  expect(rig.driver.containers).toEqual([]);
});

test('an image that is not there is a failure that whoever waits is told', async () => {
  await begin({ images: [] });
  rig.plane.assign(once());
  const caller = rig.plane.wantTerminal(wanted);
  await rig.clock.advance(100);
  expect(caller.exit?.error).toMatch(/not on this executor/);
});

test('a port that was asked for and is taken is a failure: nobody wants another one', async () => {
  await begin();
  rig.driver.takenPorts.add(8081);
  rig.plane.assign(once({ attached: false, ports: [{ name: '', containerPort: 80, hostPort: 8081 }] }));
  await rig.clock.advance(100);
  expect(rig.plane.status('u1')).toMatchObject({
    state: FAILED,
    reason: 'PortTaken',
    message: 'host port 8081 is taken by something else',
  });
});

test('stopped from outside, its caller gets what it printed and 143', async () => {
  await begin();
  rig.plane.assign(once());
  const caller = rig.plane.wantTerminal(wanted);
  await rig.clock.advance(100);
  await rig.driver.terminal(rig.id('u1'))?.print('last words');
  rig.plane.stop('u1');
  await rig.clock.advance(100);
  expect(caller).toMatchObject({ text: 'last words', exit: { code: 143 } });
  expect(rig.state('u1')).toBe(STOPPED);
});

test('signals and sizes reach the command; signals that are none do not', async () => {
  await begin();
  rig.plane.assign(once({ tty: true }));
  const caller = rig.plane.wantTerminal({ ...wanted, tty: true, size: { columns: 80, rows: 24 } });
  await rig.clock.advance(100);
  const terminal = rig.driver.terminal(rig.id('u1'));
  caller.send({ $case: 'size', value: { columns: 100, rows: 50 } });
  caller.send({ $case: 'signal', value: 'SIGNONSENSE' });
  caller.send({ $case: 'signal', value: 'SIGINT' });
  await rig.clock.advance(100);
  expect(terminal?.sizes).toEqual([
    { columns: 80, rows: 24 },
    { columns: 100, rows: 50 },
  ]);
  expect(terminal?.signals).toEqual(['SIGINT']);
  expect(caller.exit).toMatchObject({ code: 130 });
});

test('a slow reader holds up the command, not the executor’s memory', async () => {
  await begin();
  rig.plane.assign(once());
  let open = () => {};
  const caller = rig.plane.wantTerminal(wanted);
  caller.take = () => new Promise((resolve) => (open = resolve));
  await rig.clock.advance(100);
  const terminal = rig.driver.terminal(rig.id('u1'));
  let printed = 0;
  void (async () => {
    while (printed < 1_000 && (await terminal?.print('x'.repeat(1_000)))) printed++;
  })();
  await rig.clock.advance(100);
  expect(printed).toBeLessThan(50);
  caller.take = async () => {};
  open();
  await rig.clock.advance(100);
  expect(printed).toBe(1_000);
});

test('its container stays until its caller has all that it printed', async () => {
  await begin();
  rig.plane.assign(once());
  let open = () => {};
  const caller = rig.plane.wantTerminal(wanted);
  caller.take = () => new Promise((resolve) => (open = resolve));
  await rig.clock.advance(100);
  const terminal = rig.driver.terminal(rig.id('u1'));
  for (let piece = 0; piece < 12; piece++) void terminal?.print('x'.repeat(1_000));
  await rig.clock.advance(100);
  rig.driver.exit(rig.id('u1'), 3);
  await rig.clock.advance(5_000);
  expect(rig.container('u1')?.state).toBe('exited');
  caller.take = async () => {};
  open();
  await rig.clock.advance(100);
  expect(caller.exit).toEqual({ code: 3, error: '' });
  expect(caller.text).toHaveLength(12_000);
  expect(rig.driver.containers).toEqual([]);
});

test('nobody attached for 30 s: it ends', async () => {
  await begin();
  rig.plane.assign(once());
  const caller = rig.plane.wantTerminal(wanted);
  await rig.clock.advance(100);
  caller.leave();
  await rig.clock.advance(29_000);
  expect(rig.state('u1')).toBe(RUNNING);
  await rig.clock.advance(2_000);
  expect(rig.plane.status('u1')).toMatchObject({ state: STOPPED, reason: 'TerminalGone', exitCode: 143 });
  expect(rig.driver.containers).toEqual([]);
});

test('one that nobody ever attaches to is not begun', async () => {
  await begin();
  rig.plane.assign(once());
  await rig.clock.advance(31_000);
  expect(rig.plane.status('u1')).toMatchObject({ state: STOPPED, reason: 'TerminalGone' });
  expect(rig.driver.calls).toEqual(['create web-1-1', 'remove web-1-1']);
});

test('a restarted executor does not let an attached one linger, nor start one again', async () => {
  await begin();
  rig.plane.assign(once());
  rig.plane.wantTerminal(wanted);
  await rig.clock.advance(100);
  rig.plane.setUp(false);
  await rig.restart();
  await rig.clock.advance(31_000);
  rig.plane.setUp(true);
  await rig.clock.advance(5_000);
  expect(rig.state('u1')).toBe(STOPPED);
  expect(rig.driver.calls.filter((call) => call.startsWith('start'))).toHaveLength(1);
  expect(rig.driver.containers).toEqual([]);
});

test('invariant 2: what has run once is not run again, though its container is gone', async () => {
  await begin();
  rig.plane.assign(once({ attached: false }));
  await rig.clock.advance(100);
  await rig.kill();
  rig.driver.vanish(rig.id('u1'));
  await rig.begin();
  await rig.clock.advance(1_000);
  expect(rig.plane.status('u1')).toMatchObject({ state: STOPPED, reason: 'Vanished' });
  expect(rig.driver.calls.filter((call) => call.startsWith('create'))).toHaveLength(1);
});

test('a deadline ends it, also across a restart of the executor', async () => {
  await begin();
  rig.plane.assign(once({ attached: false, deadlineMs: 60_000 }));
  await rig.clock.advance(30_000);
  await rig.restart();
  await rig.clock.advance(25_000);
  expect(rig.state('u1')).toBe(RUNNING);
  await rig.clock.advance(6_000);
  expect(rig.plane.status('u1')).toMatchObject({ state: STOPPED, reason: 'DeadlineExceeded' });
});

describe('a command beside an instance’s own', () => {
  const exec = { ...wanted, command: ['sh'] };

  async function withInstance(): Promise<void> {
    await begin();
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(100);
  }

  test('runs in its container, with its streams and its exit code', async () => {
    await withInstance();
    const caller = rig.plane.wantTerminal({ ...exec, command: ['cat'] });
    caller.type('hello');
    caller.send({ $case: 'stdinEnd', value: true });
    await rig.clock.advance(100);
    expect(caller).toMatchObject({ text: 'hello', exit: { code: 0 } });
    expect(rig.state('u1')).toBe(RUNNING);
  });

  test('ends when its caller is gone, by force if it must', async () => {
    await withInstance();
    const caller = rig.plane.wantTerminal(exec);
    await rig.clock.advance(100);
    caller.leave();
    await rig.clock.advance(100);
    expect(rig.driver.opened[0]).toMatchObject({ signals: ['SIGHUP', 'SIGTERM'], exitCode: 143 });
  });

  test('says why it cannot be run', async () => {
    await withInstance();
    rig.driver.badCommands.add('nosuch');
    const bad = rig.plane.wantTerminal({ ...exec, command: ['nosuch'] });
    const unknown = rig.plane.wantTerminal({ ...exec, stream: 's2', uid: 'u9' });
    await rig.clock.advance(100);
    expect(bad.exit?.error).toMatch(/not found/);
    expect(bad.exit?.code).toBe(127);
    expect(unknown.exit?.error).toMatch(/does not run/);
  });
});

test('whoever wants to be attached to what is no one-off is told so', async () => {
  await begin();
  const task = fakeTask(1);
  rig.plane.assign(task);
  await rig.clock.advance(100);
  expect(task.instance?.spec?.desired).toBe(InstanceSpec_Desired.RUNNING);
  const caller = rig.plane.wantTerminal(wanted);
  await rig.clock.advance(100);
  expect(caller.exit).toMatchObject({ code: 125 });
});
