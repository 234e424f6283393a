import { createHash, randomBytes } from 'node:crypto';
import { SystemClock } from '../../base/clock';
import { removeTinyImage, tinyImage } from '../../testing/tiny-image';
import type { ContainerSpec } from '../container-spec';
import { labels } from '../labels';
import type { CommandTerminal } from '../terminal/command-terminal';
import { DockerDriver } from './docker-driver';

jest.setTimeout(60_000);

const stage = `terminal-${process.pid}`;
const owner = { stage, key: stage, executor: 'e1' };
const driver = new DockerDriver({ clock: new SystemClock() });
const never = new AbortController().signal;
let made = 0;

afterEach(async () => {
  for (const { id } of await driver.list(owner)) await driver.remove(id);
});

afterAll(async () => {
  driver.close();
  await removeTinyImage();
});

async function create(patch: Partial<ContainerSpec>): Promise<string> {
  const uid = `uid-${++made}`;
  const { id } = await driver.create({
    name: `${stage}.run-1.${uid}`,
    image: await tinyImage(),
    command: ['/bin/sh'],
    environment: {},
    labels: { [labels.stage]: stage, [labels.executor]: 'e1', [labels.instance]: uid },
    hostname: 'run-1-1',
    ports: [],
    bindAddress: '127.0.0.1',
    dns: [],
    dnsSearch: [],
    cpuMillis: 0,
    memoryBytes: 0,
    pids: 100,
    graceMs: 1000,
    capabilities: ['KILL'],
    attach: { tty: false },
    logs: { bytes: 0, files: 0 },
    ...patch,
  });
  return id;
}

async function attached(script: string, tty = false): Promise<CommandTerminal> {
  const id = await create({ command: ['/bin/sh', '-c', script], attach: { tty } });
  const terminal = await driver.attach(id, { tty });
  await driver.start(id);
  return terminal;
}

async function read(terminal: CommandTerminal, onOutput: (stdout: string) => unknown = () => {}) {
  const text = { stdout: '', stderr: '' };
  for await (const { stream, bytes } of terminal.output) {
    text[stream] += Buffer.from(bytes).toString('latin1');
    await onOutput(text.stdout);
  }
  return { ...text, code: await terminal.exit(never) };
}

test.each([0, 1, 42])('exit code %i', async (code) => {
  expect(await read(await attached(`exit ${code}`))).toMatchObject({ code });
});

test('a command that is killed exits with 137', async () => {
  expect(await read(await attached('kill -9 $$'))).toMatchObject({ code: 137 });
});

test('stdout and stderr stay apart', async () => {
  const printed = await read(await attached('echo out; echo err >&2'));
  expect(printed).toEqual({ stdout: 'out\n', stderr: 'err\n', code: 0 });
});

test('10 MB through cat are the same', async () => {
  const terminal = await attached('cat');
  const digest = createHash('sha256');
  const reading = (async () => {
    for await (const { bytes } of terminal.output) digest.update(bytes);
  })();
  const sent = createHash('sha256');
  for (let piece = 0; piece < 160; piece++) {
    const bytes = randomBytes(64 * 1024);
    sent.update(bytes);
    await terminal.write(bytes);
  }
  terminal.end();
  await reading;
  expect(digest.digest('hex')).toBe(sent.digest('hex'));
  expect(await terminal.exit(never)).toBe(0);
});

test('a terminal is one: of the size that was set, and keys are signals', async () => {
  const script =
    'trap "echo winch" WINCH; [ -t 0 ] && [ -t 1 ] && echo terminal; while :; do sleep 0.05; done';
  const terminal = await attached(script, true);
  let text = '';
  const reading = (async () => {
    for await (const { stream, bytes } of terminal.output) {
      expect(stream).toBe('stdout');
      text += Buffer.from(bytes).toString();
      if (text.includes('terminal') && !text.includes('winch'))
        await terminal.resize({ columns: 91, rows: 37 });
      // Ctrl-C.
      if (text.includes('winch')) await terminal.write(Buffer.from([3]));
    }
  })();
  await reading;
  expect(text).toMatch(/terminal\r\n(?:.*\r\n)*winch/);
  expect(await terminal.exit(never)).toBe(130);
});

test('a slow reader holds up the command', async () => {
  const terminal = await attached('while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done');
  let bytes = 0;
  for await (const piece of terminal.output) {
    bytes += piece.bytes.length;
    if (bytes > 1_000_000) break;
  }
  terminal.close();
});

test('a signal reaches the command, and one that has ended takes none', async () => {
  const terminal = await attached(
    'trap "echo got it; exit 5" TERM; echo ready; while :; do sleep 0.05; done',
  );
  let text = '';
  for await (const { bytes } of terminal.output) {
    text += Buffer.from(bytes).toString();
    if (text === 'ready\n') await terminal.signal('SIGTERM');
  }
  expect(text).toBe('ready\ngot it\n');
  expect(await terminal.exit(never)).toBe(5);
  await terminal.signal('SIGTERM');
});

describe.each([false, true])('a command that cannot be run, with a terminal: %s', (tty) => {
  test.each([
    ['no-such-program', 127, 'there is no "no-such-program" here'],
    ['/no/such/program', 127, 'there is no "/no/such/program" here, or what its first line'],
    ['/bin', 126, '"/bin" cannot be run: it is not executable (chmod +x), or a directory'],
  ])('%s exits with %i, and says so in one line', async (program, code, words) => {
    const id = await create({ command: [program], attach: { tty } });
    const terminal = await driver.attach(id, { tty });
    await driver.start(id);
    const ended = await read(terminal);
    expect(ended).toMatchObject({ code, [tty ? 'stderr' : 'stdout']: '' });
    const said = ended.stdout + ended.stderr;
    expect(said.startsWith(`gilliam: ${words}`)).toBe(true);
    expect(said.trimEnd()).toMatch(/: name a command of the image, or the path of one$/);
    expect(said.trimEnd()).not.toMatch(/\n/);
  });
});

describe('beside a container’s own command', () => {
  async function open(...command: string[]): Promise<CommandTerminal> {
    const id = await create({ command: ['/bin/sleep', '300'], attach: undefined });
    await driver.start(id);
    return driver.open(id, { command, tty: false });
  }

  test.each([
    ['no-such-program', 127, /^gilliam: there is no "no-such-program" here: name a command/],
    ['/no/such/program', 127, /^gilliam: there is no "\/no\/such\/program" here, or what its first line/],
    [
      '/bin',
      126,
      /^gilliam: "\/bin" cannot be run: it is not executable \(chmod \+x\), or a directory: name/,
    ],
  ])('%s cannot be run, exits with %i, and says so', async (program, code, words) => {
    const ended = await read(await open(program));
    expect(ended.stdout + ended.stderr).toMatch(words);
    expect(ended.code).toBe(code);
  });

  test('a signal ends it, and what it has started', async () => {
    const terminal = await open('/bin/sh', '-c', 'echo ready; sleep 300');
    const ended = await read(terminal, (stdout) => stdout === 'ready\n' && terminal.signal('SIGTERM'));
    expect(ended).toMatchObject({ stdout: 'ready\n', code: 143 });
  });
});
