import { silentLogger } from '../../../pkg/base/log';
import { ControllerManager } from '../../../pkg/controllers/manager';
import { instances, type Instance } from '../../../pkg/resource/objects';
import { eventually } from '../../../pkg/testing/api-harness';
import { StoredExecutor } from '../../../pkg/testing/stored-executor';
import { CliHarness, type RunOptions } from '../testing/cli-harness';

jest.setTimeout(30_000);

let cli: CliHarness;
let end: () => Promise<void>;
const gilliam = (line: string, options?: RunOptions) => cli.gilliam(line, options);

/** The controllers and an executor, over the command line's own store, and `shop` with v1 running and v2 released. */
beforeEach(async () => {
  cli = await CliHarness.start();
  const { store, clock, random } = cli.api;
  const stop = new AbortController();
  const manager = new ControllerManager({ store, clock, random, log: silentLogger, identity: 'one' });
  const executor = new StoredExecutor('e1', store, random);
  await executor.connect();
  const controlled = manager.run(stop.signal);
  const stepping = (async () => {
    while (!stop.signal.aborted) {
      await executor.step();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  })();
  end = async () => {
    stop.abort();
    await Promise.all([controlled, stepping]);
    await executor.disconnect();
    await cli.close();
  };
  await cli.deployed();
  await gilliam('scale v1 web=3 worker=1 --wait');
  await gilliam('config A=2');
});
afterEach(() => end());

test('migrate moves everything, and shows the steps', async () => {
  const plan = await gilliam('migrate v2 --plan');
  expect(plan.stdout).toBe(
    [
      'would move to v2:',
      '  web: v1 3 → v2 3',
      '  worker: v1 1 → v2 1',
      '  new before old: 1 more than the factors at most; an old one goes when a new one is healthy',
      '',
    ].join('\n'),
  );
  const { code, stdout } = await gilliam('migrate v2');
  const lines = stdout.trim().split('\n');
  expect(code).toBe(0);
  expect(lines.pop()).toBe('v2 has taken over from v1');
  // What follows each other faster than it is told of is told of once: which steps these are depends on the machine.
  const moved = lines.map((line) => {
    const step = /^web: v1 (\d), v2 (\d) of 3; worker: v1 ([01]), v2 ([01]) of 1$/.exec(line);
    const [web1, web2, worker1, worker2] = (step ?? []).slice(1).map(Number) as [
      number,
      number,
      number,
      number,
    ];
    expect([3, 4]).toContain(web1 + web2);
    expect([1, 2]).toContain(worker1 + worker2);
    return web2 + worker2;
  });
  expect(moved.length).toBeGreaterThan(0);
  expect(moved).toEqual(moved.toSorted());
  expect(lines).toEqual([...new Set(lines)]);
  expect((await gilliam('scale')).stdout).toBe('v2 web=3 worker=1\n');
});

test('a canary is promoted, or aborted, and a second rollout is refused meanwhile', async () => {
  const paused = await gilliam('migrate --canary 1 --weight 5');
  expect(paused.stdout.trim().split('\n').at(-1)).toBe(
    'paused at the canary: web: v1 2, v2 1 of 3; worker: v1 0, v2 1 of 1: promote or abort',
  );
  expect(await gilliam('migrate v2')).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(
      /is under way, paused at its canary: wait for it, or gilliam promote or abort\n$/,
    ) as string,
  });
  expect((await gilliam('scale v1 web=9')).stderr).toMatch(/v1 cannot be scaled while the rollout to v2/);
  expect((await gilliam('promote --plan')).stdout).toBe('would move the rest to v2\n');
  const back = await gilliam('abort');
  expect(back).toMatchObject({ code: 0, stderr: '' });
  expect(back.stdout).toMatch(/v2 was taken back: v1 web=3 worker=1\n$/);
  await gilliam('migrate --canary 10%');
  expect((await gilliam('promote')).stdout).toMatch(/v2 has taken over from v1\n$/);
  expect(await gilliam('promote')).toMatchObject({ code: 1, stdout: '' });
  expect((await gilliam('abort')).stderr).toMatch(/has succeeded: gilliam rollback goes back/);
});

test('a signal leaves it running, and says so', async () => {
  const stop = new AbortController();
  const onStdout = (text: string) => {
    if (text.startsWith('web: v1 3, v2 1 of 3')) stop.abort();
  };
  const waiting = gilliam('migrate v2 --rate 1/h --surge 2', { signal: stop.signal, onStdout });
  expect(await waiting).toMatchObject({
    code: 130,
    stderr: 'error: the rollout to v2 goes on: gilliam events shows it, gilliam abort takes it back\n',
  });
  expect((await gilliam('abort --json')).stdout).toContain('"ROLLOUT_PHASE_ABORTED"');
});

test('one that is taken back by itself is a failure with the reason', async () => {
  const { store } = cli.api;
  const waiting = gilliam('migrate v2 --wait-healthy 1h');
  await eventually(async () => {
    const young = (await store.list(instances)).items.find(
      ({ spec, status }) => spec.release === 'v2' && status.ready,
    );
    const object = young && { ...young, status: { ...young.status, restarts: 4, message: 'no such table' } };
    expect(object).toBeDefined();
    await store.commit([{ op: 'update', kind: instances, object: object as Instance }]);
  });
  const { code, stderr } = await waiting;
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /^error: the rollout to v2 was taken back \(CrashLoop\): \w+\.\d of v2 was restarted 4 times: no such table; the factors are as they were: gilliam logs, gilliam events\n$/,
  );
  expect((await gilliam('scale')).stdout).toBe('v1 web=3 worker=1\n');
});

test('rollback goes back to what ran before, in one command', async () => {
  await gilliam('migrate v2');
  expect((await gilliam('rollback --plan')).stdout).toBe(
    'would make v3 as v1 and move to it: web=3 worker=1\n',
  );
  const { code, stdout } = await gilliam('rollback v1');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^v3 is as v1 was\n[^]*v3 has taken over from v2\n$/);
  expect((await gilliam('scale')).stdout).toBe('v3 web=3 worker=1\n');
  expect((await gilliam('config')).stdout).toBe('');
  expect((await gilliam('releases')).stdout).toMatch(/rollback to v1/);
});

test.each([
  ['migrate v9', 1, /has no release v9/],
  ['migrate new', 1, /is not of the form v1/],
  ['migrate v2 --rate fast', 2, /"fast" is not a rate: write 2\/s/],
  ['migrate v2 --wait-healthy long', 2, /is not a length of time/],
  ['migrate v2 --canary some', 2, /"some" is not the size of a canary: write 1, or 10%/],
  ['migrate v2 --canary 101%', 2, /is not the size of a canary/],
  ['migrate v2 --weight 5', 2, /--weight is the share of a canary: give --canary too/],
  ['migrate v2 --canary 1 --weight 101', 2, /--weight 101 is not a share/],
  ['migrate v1', 1, /"shop" runs nothing but v1 already/],
  ['promote', 1, /"shop" has had no rollout yet: gilliam migrate begins one/],
  ['abort', 1, /has had no rollout yet/],
  ['rollback v1', 1, /v1 is what runs/],
  ['rollback v7', 1, /has no release v7/],
])('%s is refused', async (line, code, message) => {
  const outcome = await gilliam(line);
  expect(outcome.stderr).toMatch(message);
  expect(outcome).toMatchObject({ code, stdout: '' });
});

test('a way back that gets stuck says what it waits for, where it is followed and in ps', async () => {
  await gilliam('migrate --canary 2');
  await gilliam('executor cordon e1');
  let said = '';
  const back = gilliam('abort', { onStdout: (text) => (said += text) });
  const waits = /waits: web: 1 of 3 of v1 are ready \(web\.\d is pending: .*cordoned/;
  await eventually(async () => expect(said).toMatch(waits), 15_000);
  const { stdout } = await gilliam('ps');
  expect(stdout).toMatch(
    /\nrollout to v2 is taken back: it was asked for; waits: web: 1 of 3 of v1 are ready/,
  );
  expect(JSON.parse((await gilliam('ps --json')).stdout)).toEqual(expect.any(Array));
  // Events are written behind what they are about.
  await eventually(async () =>
    expect((await gilliam('events')).stdout).toMatch(/AbortWaits.*the way back from v2 waits: web: 1 of 3/),
  );
  await gilliam('executor uncordon e1');
  expect(await back).toMatchObject({ code: 0 });
  expect((await gilliam('ps')).stdout).not.toContain('rollout');
});
