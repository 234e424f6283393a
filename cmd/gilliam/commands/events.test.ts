import { CliHarness, type RunOptions } from '../testing/cli-harness';

let cli: CliHarness;
beforeEach(async () => {
  cli = await CliHarness.start();
  await cli.deployed();
});
afterEach(() => cli.close());

const gilliam = (line: string, options?: RunOptions) => cli.gilliam(line, options);

test('oldest first: columns apart by tabs, or a table', async () => {
  await gilliam('scale web=1');
  const lines = (await gilliam('events')).stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t'));
  expect(lines.length).toBeGreaterThan(0);
  for (const [time = '', severity, name, reason, message] of lines) {
    expect(new Date(time).toISOString()).toBe(time);
    expect(['normal', 'warning']).toContain(severity);
    expect([name, reason, message].every(Boolean)).toBe(true);
  }
  expect(lines.map(([time]) => time)).toEqual(lines.map(([time]) => time).sort());
  expect((await gilliam('events', { terminal: true })).stdout).toMatch(/^WHEN {2,}SEVERITY {2}WHAT/);
});

test('those of one object', async () => {
  await gilliam('config A=1');
  const names = (await gilliam('events v2')).stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t')[2]);
  expect(new Set(names)).toEqual(new Set(['v2']));
  expect(await gilliam('events nope')).toEqual({
    ...{ code: 0, stdout: '' },
    stderr: 'no events of nope are kept: gilliam events lists all there are\n',
  });
});

test('--follow goes on with what happens later, until interrupted', async () => {
  const interrupt = new AbortController();
  let begun = () => {};
  const first = new Promise<void>((resolve) => (begun = resolve));
  const following = gilliam('events -f --json', {
    signal: interrupt.signal,
    onStdout: (text) => {
      begun();
      if (text.includes('"v2"')) interrupt.abort();
    },
  });
  await first;
  await gilliam('config A=1');
  const { code, stdout } = await following;
  expect(code).toBe(130);
  const events = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { name: string });
  expect(events.at(-1)?.name).toBe('v2');
});
