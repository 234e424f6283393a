import type { Client } from '../../client/client';
import {
  ExecStart,
  RunStart,
  TerminalInput,
  type ExecRequest,
  type RunRequest,
} from '../../gen/gilliam/v1/exec_service';
import { ExecutorState, ExecutorStatus } from '../../gen/gilliam/v1/executor';
import { InstanceSpec_Desired, InstanceState } from '../../gen/gilliam/v1/instance';
import { RolloutSpec } from '../../gen/gilliam/v1/rollout';
import type { TerminalWanted } from '../../gen/gilliam/v1/session_service';
import { executors, type Executor } from '../../resource/objects';
import { ApiHarness, eventually, testImage, testProcesses } from '../../testing/api-harness';
import { AttachedExecutor } from '../../testing/attached-executor';
import { SessionClient } from '../../testing/session-client';
import { TerminalCaller } from '../../testing/terminal-caller';

const parent = 'formations/shop';
let api: ApiHarness;
let executorClient: Client;
let executor: SessionClient;
const callers: TerminalCaller[] = [];
beforeEach(async () => {
  api = await ApiHarness.start({ options: { logsWithinMs: 1_000 } });
  await api.shop();
  executorClient = api.connect({ token: 'executor-token' });
  executor = new SessionClient(executorClient);
  await eventually(() => expect(executor.received[0]?.$case).toBe('assignment'));
});
afterEach(async () => {
  for (const caller of callers.splice(0)) caller.leave();
  await executor.abort();
  await api.close();
});

function run(start: Partial<RunStart> = {}): TerminalCaller {
  const caller = new TerminalCaller((requests, signal) =>
    api.client.exec.run(requests as AsyncIterable<RunRequest>, { signal }),
  );
  callers.push(caller);
  const value = RunStart.fromPartial({ parent, command: ['sh'], ...start });
  void caller.send({ $case: 'start', value });
  return caller;
}

function exec(start: Partial<ExecStart> = {}): TerminalCaller {
  const caller = new TerminalCaller((requests, signal) =>
    api.client.exec.exec(requests as AsyncIterable<ExecRequest>, { signal }),
  );
  callers.push(caller);
  const value = ExecStart.fromPartial({ name: `${parent}/instances/web.1`, command: ['sh'], ...start });
  void caller.send({ $case: 'start', value });
  return caller;
}

/** Places the instance, as the scheduler does. */
async function place(name = 'run-1-1', on = 'e1'): Promise<void> {
  await eventually(() => api.instance(name));
  await api.changeInstance(name, (instance) => ({
    ...instance,
    spec: { ...instance.spec, executor: on },
    status: { ...instance.status, state: InstanceState.ASSIGNED },
  }));
}

function wanted(): Promise<TerminalWanted> {
  return eventually(() => {
    const next = executor.terminalsWanted.shift();
    if (!next) throw new Error('no terminal is wanted');
    return next;
  });
}

/** Runs a command as far as its executor has called. */
async function attached(
  start: Partial<RunStart> = {},
): Promise<{ caller: TerminalCaller; command: AttachedExecutor }> {
  const caller = run(start);
  await place();
  return { caller, command: new AttachedExecutor(executorClient, await wanted()) };
}

const desired = async () => (await api.instance('run-1-1')).spec.desired;

test('a command that names no release is of the proven one while another is at its canary', async () => {
  const scale = (name: string, factors: Record<string, number>) =>
    api.client.scales.updateScale({ scale: { metadata: { formation: 'shop', name }, spec: { factors } } });
  const parent = 'formations/shop';
  await scale('v1', { web: 2 });
  await api.client.releases.createRelease({ parent, spec: { config: { A: '2' } }, updateMask: ['config.A'] });
  await api.client.rollouts.createRollout({
    parent,
    spec: RolloutSpec.fromPartial({ to: 'v2', canary: { size: { $case: 'instances', value: 1 } } }),
  });
  const spawned = (release: string) =>
    api.client.exec.spawn({ parent, process: 'web', release, command: [], executor: '', validateOnly: true });
  expect((await spawned('')).instance?.spec?.release).toBe('v1');
  expect((await spawned('v2')).instance?.spec?.release).toBe('v2');
});

test('a command is an instance of the current release, and its streams meet its caller’s', async () => {
  const { caller, command } = await attached({ env: { A: '2' }, tty: true, size: { columns: 80, rows: 24 } });
  const [first] = caller.instances;
  expect(first?.spec).toMatchObject({
    release: 'v1',
    process: 'run',
    ordinal: 1,
    oneOff: { command: ['sh'], attached: true, tty: true, env: { A: '2' } },
  });
  await command.print('hello');
  await command.print('no', 'stderr');
  await caller.type({ $case: 'stdin', value: Buffer.from('ls\n') });
  caller.done();
  await eventually(() => expect(command.typed).toBe('ls\n'));
  await eventually(() => expect(command.input.at(-1)?.input?.$case).toBe('stdinEnd'));
  await command.exit(42);
  await eventually(() =>
    expect(caller).toMatchObject({ text: 'hello', exit: { code: 42 }, ended: true, error: undefined }),
  );
  // It has ended by itself: nobody has to stop it.
  await eventually(() => expect(command.error).toBeNull());
  expect(await desired()).toBe(InstanceSpec_Desired.RUNNING);
});

test('the executor is told what is wanted, after it knows the instance', async () => {
  run({ tty: true, size: { columns: 100, rows: 30 } });
  await place();
  const { uid, tty, size } = await wanted();
  expect(executor.tasks.has(uid)).toBe(true);
  expect({ tty, size }).toEqual({ tty: true, size: { columns: 100, rows: 30 } });
});

test('a process that is named lends its image, environment and requirements, not its name', async () => {
  const caller = run({ process: 'web' });
  await eventually(() =>
    expect(caller.instances[0]?.spec).toMatchObject({ process: 'run', oneOff: { like: 'web' } }),
  );
});

test('a caller who leaves stops the instance, and its executor’s call ends', async () => {
  const { caller, command } = await attached();
  await command.print('hello');
  await eventually(() => expect(caller.text).toBe('hello'));
  caller.leave();
  await eventually(async () => expect(await desired()).toBe(InstanceSpec_Desired.STOPPED));
  await eventually(() => expect(command.error?.message).toMatch(/whoever was attached is gone/));
});

test('a caller who leaves before it is placed leaves nothing', async () => {
  const caller = run();
  await eventually(() => expect(caller.instances).toHaveLength(1));
  caller.leave();
  await eventually(async () =>
    expect((await api.instance('run-1-1')).status.state).toBe(InstanceState.STOPPED),
  );
});

test('a connection that is lost is an error that says so, and the instance is stopped', async () => {
  const { caller, command } = await attached();
  await command.print('so far');
  await eventually(() => expect(caller.text).toBe('so far'));
  command.break();
  await eventually(() => expect(caller.error?.message).toMatch(/connection to executor e1 was lost/));
  await eventually(async () => expect(await desired()).toBe(InstanceSpec_Desired.STOPPED));
});

test('an executor that does not call is given up', async () => {
  const caller = run();
  await place();
  await eventually(() => expect(caller.error?.message).toMatch(/e1 does not open the terminal/));
});

test('one that is not connected here is said to be', async () => {
  const caller = run();
  await place('run-1-1', 'e9');
  await eventually(() => expect(caller.error?.message).toMatch(/e9 is not connected/));
});

test('nothing takes it: why, the nearest miss, and what to do', async () => {
  await eventually(async () => {
    const e1 = await api.store.get(executors, { formation: '', name: 'e1' });
    if (!e1) throw new Error('not yet');
    const status = ExecutorStatus.fromPartial({ ...e1.status, state: ExecutorState.READY });
    await api.store.commit([
      {
        op: 'update',
        kind: executors,
        object: { ...e1, spec: { cordoned: true, draining: false }, status } as Executor,
      },
    ]);
  });
  const caller = run();
  await eventually(() => api.instance('run-1-1'));
  await api.changeInstance('run-1-1', (instance) => ({
    ...instance,
    status: { ...instance.status, reason: 'Unschedulable', message: '0 of 1 executor: 1 cordoned' },
  }));
  await eventually(() =>
    expect(caller.error?.message).toMatch(
      /^nothing takes run\.1 now: 0 of 1 executor: 1 cordoned; nearest: e1, but for cordoned .*; gilliam executor uncordon e1$/,
    ),
  );
  await eventually(async () =>
    expect((await api.instance('run-1-1')).status.state).toBe(InstanceState.STOPPED),
  );
});

test('a slow caller holds up the command; nothing piles up here', async () => {
  const { caller, command } = await attached();
  let open = () => {};
  caller.take = () => new Promise((resolve) => (open = resolve));
  const piece = Buffer.alloc(60_000, 'x');
  let printed = 0;
  const printing = (async () => {
    while (printed < 200 && (await command.print(piece))) printed++;
  })();
  let before = 0;
  await eventually(async () => {
    before = printed;
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect([printed, printed > 0]).toEqual([before, true]);
  });
  expect(before).toBeLessThan(150);
  caller.take = async () => {};
  open();
  await printing;
  await command.exit(0);
  await eventually(() => expect(caller.exit).toBeDefined());
  expect(caller.text.length).toBe(200 * 60_000);
});

test.each<[string, Partial<RunStart>, RegExp]>([
  ['a release that does not exist', { release: 'v9' }, /has no release v9: did you mean "v1"\?/],
  ['no release', { release: 'two' }, /"two"/],
  [
    'a process that does not exist',
    { process: 'wbe' },
    /v1 of "shop" has no process "wbe": did you mean "web"\?/,
  ],
  ['a formation that does not exist', { parent: 'formations/shpo' }, /did you mean "shop"\?/],
  ['an executor that does not exist', { executor: 'e2' }, /there is no executor "e2": did you mean "e1"\?/],
  ['no command', { command: [] }, /the command is missing/],
  ['a NUL byte', { command: ['a\0b'] }, /NUL byte/],
  ['a variable of Gilliam’s own', { env: { GILLIAM_X: '1' } }, /reserved/],
])('%s is refused', async (_, start, message) => {
  const caller = run(start);
  await eventually(() => expect(caller.error?.message).toMatch(message));
  expect(caller.instances).toEqual([]);
});

test('a release without an image is refused', async () => {
  await api.client.formations.createFormation({ formation: { metadata: { name: 'empty' } } });
  const caller = run({ parent: 'formations/empty' });
  await eventually(() =>
    expect(caller.error?.message).toMatch(/"empty" has no release with an image yet: gilliam deploy/),
  );
});

test.each<[string, unknown, RegExp]>([
  [
    'input before start',
    { $case: 'input', value: TerminalInput.fromPartial({}) },
    /first message has to be start/,
  ],
])('%s is refused', async (_, message, error) => {
  const caller = new TerminalCaller((requests, signal) =>
    api.client.exec.run(requests as AsyncIterable<RunRequest>, { signal }),
  );
  await caller.send(message);
  await eventually(() => expect(caller.error?.message).toMatch(error));
});

test('a piece of input over 64 KiB is refused', async () => {
  const { caller } = await attached();
  await caller.type({ $case: 'stdin', value: Buffer.alloc(65 * 1024) });
  await eventually(() => expect(caller.error?.message).toMatch(/limit is 65536/));
});

describe('exec', () => {
  test.each([
    ['a running instance', InstanceState.RUNNING],
    ['one that does not become ready', InstanceState.STARTING],
    ['one that does not end', InstanceState.STOPPING],
  ])('runs beside %s', async (_which, state) => {
    const { metadata } = await api.placeInstance({ state });
    const caller = exec();
    const next = await wanted();
    expect(next).toMatchObject({ uid: metadata.uid, command: ['sh'], tty: false });
    const command = new AttachedExecutor(executorClient, next);
    await command.print('hi');
    await command.exit(3);
    await eventually(() => expect(caller).toMatchObject({ text: 'hi', exit: { code: 3 }, ended: true }));
  });

  test('its executor is told when the caller is gone', async () => {
    await api.placeInstance({ state: InstanceState.RUNNING });
    const caller = exec();
    const command = new AttachedExecutor(executorClient, await wanted());
    await command.print('hi');
    await eventually(() => expect(caller.text).toBe('hi'));
    caller.leave();
    await eventually(() => expect(command.error?.message).toMatch(/whoever was attached is gone/));
  });

  test('of one that does not run says in which state it is', async () => {
    await api.placeInstance({ state: InstanceState.PULLING });
    const caller = exec();
    await eventually(() => expect(caller.error?.message).toMatch(/^web\.1 is pulling, .*gilliam ps$/));
  });

  test('of one that does not exist says which there are', async () => {
    await api.placeInstance({ state: InstanceState.RUNNING });
    const caller = exec({ name: `${parent}/instances/web.7` });
    await eventually(() =>
      expect(caller.error?.message).toMatch(/no instance web\.7: did you mean "web\.1"\?/),
    );
  });
});

describe('spawn', () => {
  test('takes the next ordinal of the process, and the ports that were asked for', async () => {
    await api.placeInstance({ state: InstanceState.RUNNING });
    const ports = [{ name: '', containerPort: 80, hostPort: 8080 }];
    await eventually(async () => {
      const { instance } = await api.client.exec.spawn({ parent, process: 'web', ports, validateOnly: true });
      expect(instance?.spec).toMatchObject({
        process: 'web',
        ordinal: 2,
        oneOff: { attached: false, ports },
      });
    });
    await expect(api.instance('web-2-1')).rejects.toThrow();
    await api.client.exec.spawn({ parent, process: 'web', executor: 'e1' });
    expect((await api.instance('web-2-1')).spec.oneOff?.executor).toBe('e1');
  });

  test('takes no ordinal of an auxiliary service, whose own instance would wait for its end', async () => {
    const _db = { image: testImage, auxiliary: { type: 'postgres' } };
    await api.client.releases.createRelease({
      parent,
      spec: { image: testImage, processes: { ...testProcesses, _db } },
    });
    const { instance } = await api.client.exec.spawn({ parent, process: '_db', release: 'v2' });
    expect(instance?.spec).toMatchObject({ process: 'run', oneOff: { like: '_db', attached: false } });
  });

  test.each<[object, RegExp]>([
    [{ process: '' }, /the command is missing/],
    [{ process: 'web', ports: [{ containerPort: 0, hostPort: 8080 }] }, /the port inside is 0/],
    [
      {
        process: 'web',
        ports: [
          { containerPort: 80, hostPort: 8080 },
          { containerPort: 81, hostPort: 8080 },
        ],
      },
      /port 8080:81 is given twice/,
    ],
  ])('%j is refused', async (request, message) => {
    await expect(api.client.exec.spawn({ parent, ...request })).rejects.toThrow(message);
  });
});

describe('stopInstance', () => {
  const name = `${parent}/instances/web.1`;

  test('asks the executor to stop it; what was never placed is stopped at once', async () => {
    await api.placeInstance({ state: InstanceState.RUNNING });
    await api.client.instances.stopInstance({ name, validateOnly: true });
    expect((await api.instance('web-1-1')).spec.desired).toBe(InstanceSpec_Desired.RUNNING);
    await api.client.instances.stopInstance({ name });
    const placed = await api.instance('web-1-1');
    expect(placed.spec.desired).toBe(InstanceSpec_Desired.STOPPED);
    expect(placed.status.state).toBe(InstanceState.RUNNING);
    await api.placeInstance({ ordinal: 2, executor: '' });
    await api.client.instances.stopInstance({ name: `${parent}/instances/web.2` });
    expect((await api.instance('web-2-1')).status.state).toBe(InstanceState.STOPPED);
  });

  test('may wait for a replacement', async () => {
    await api.placeInstance({ state: InstanceState.RUNNING });
    await api.client.instances.stopInstance({ name, replaceFirst: true });
    expect((await api.instance('web-1-1')).spec).toMatchObject({
      replace: true,
      desired: InstanceSpec_Desired.RUNNING,
    });
  });

  test('what runs once is not replaced', async () => {
    await api.client.exec.spawn({ parent, process: 'web' });
    const replacing = api.client.instances.stopInstance({ name, replaceFirst: true });
    await expect(replacing).rejects.toThrow(/web\.1 runs once, and is not replaced: gilliam stop web\.1/);
  });
});
