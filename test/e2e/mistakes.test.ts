import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { StageHarness, type CommandResult } from './harness';

const web = `
const server = require('node:http').createServer((request, response) => response.end('up'));
server.listen(process.env.PORT);
process.on('SIGTERM', () => process.exit(0));
`;

/** Exit status, and one line that says all of these. */
function expectRefused(result: CommandResult, code: 1 | 2, ...says: (string | RegExp)[]): void {
  const lines = result.stderr.trim().split('\n');
  for (const what of says) expect(lines.at(-1)).toMatch(what);
  expect({ code: result.code, lines: lines.length }).toEqual({ code, lines: 1 });
  expect(result.stdout).toBe('');
}

describe('mistakes, the machine’s and people’s', () => {
  let stage: StageHarness;
  let cwd: string;

  beforeAll(async () => {
    stage = await StageHarness.start({ hostPortBase: 12_200 });
    cwd = await stage.app('shop', { Procfile: 'web: node web.js\nworker: exec sleep 1000\n', 'web.js': web });
    await stage.succeed(['create', 'shop'], { cwd });
  });
  afterAll(() => stage?.stop());

  const gilliam = (...args: string[]) => stage.gilliam(args, { cwd });
  const lines = (...args: string[]) => stage.lines(args, { cwd });

  describe('before there is anything', () => {
    test('scale of a release without an image', async () => {
      await lines('config', 'A=1');
      expectRefused(await gilliam('scale', 'v1', 'web=1'), 1, 'v1 has no image: gilliam deploy first');
    });

    test('a directory that is not a git repository', async () => {
      const plain = join(stage.directory, 'plain');
      mkdirSync(plain);
      expectRefused(await stage.gilliam(['deploy', '--formation', 'shop'], { cwd: plain }), 1, /git/);
    });

    test('a repository without a commit', async () => {
      const fresh = join(stage.directory, 'fresh');
      mkdirSync(fresh);
      await stage.git(fresh, 'init', '--quiet', '.');
      expectRefused(await stage.gilliam(['deploy', '--formation', 'shop'], { cwd: fresh }), 1, /commit/);
    });

    test('no Procfile and nothing detectable', async () => {
      const odd = await stage.app('odd', { 'notes.txt': 'nothing here runs' });
      expectRefused(await stage.gilliam(['deploy', '--formation', 'shop'], { cwd: odd }), 1, /Procfile/);
    });

    test.each([
      ['a malformed line', 'web: node web.js\nwhat is this\n', /line 2/],
      ['a process twice', 'web: node web.js\nweb: node other.js\n', /web/],
    ])('a Procfile with %s', async (_, procfile, says) => {
      const odd = await stage.app(`odd-${procfile.length}`, { Procfile: procfile });
      expectRefused(await stage.gilliam(['deploy', '--formation', 'shop'], { cwd: odd }), 1, says);
    });

    test('a formation that exists, one that does not, and a name that is not allowed', async () => {
      const elsewhere = { cwd: stage.directory };
      expectRefused(await stage.gilliam(['create', 'shop'], elsewhere), 1, /shop.*exists/);
      expectRefused(await stage.gilliam(['ps', '--formation', 'shpo'], elsewhere), 1, /shpo.*does not exist/);
      const refused = await stage.gilliam(['create', 'Shop!'], elsewhere);
      expect(refused.stderr.trim().split('\n')).toHaveLength(1);
      expect(refused.code).toBeGreaterThan(0);
      expect(existsSync(join(stage.directory, '.gilliam.app'))).toBe(false);
    });
  });

  describe('deploys', () => {
    test('uncommitted changes are told of, and HEAD is deployed', async () => {
      writeFileSync(join(cwd, 'web.js'), `${web}// not committed\n`);
      const { code, stdout, stderr } = await gilliam('deploy');
      await stage.git(cwd, 'checkout', '--quiet', 'web.js');
      expect({ code, last: stdout.trim().split('\n').at(-1) }).toEqual({ code: 0, last: 'v2 released' });
      expect(stderr).toMatch(/uncommitted/);
    });

    test('a build that fails says at which step, and releases nothing', async () => {
      const before = await lines('releases');
      const broken = await stage.app('broken', {
        Dockerfile: 'FROM gilliam/base:bookworm\nRUN echo on the way && exit 3\n',
      });
      const failed = await stage.gilliam(['deploy', '--formation', 'shop'], { cwd: broken });
      expect(failed.code).toBe(1);
      expect(`${failed.stdout}${failed.stderr}`).toContain('on the way');
      expect(failed.stderr.trim().split('\n').at(-1)).toMatch(/step 2\/\d+ .*exit 3/);
      expect(await lines('releases')).toEqual(before);
    });

    test('a client that is killed in the middle of a deploy releases nothing, and the next deploy works', async () => {
      const before = await lines('releases');
      const slow = await stage.app('slow', {
        Dockerfile: 'FROM gilliam/base:bookworm\nRUN sleep 5\nCMD ["sleep", "1000"]\n',
      });
      const killed = await stage.gilliam(['deploy', '--formation', 'shop'], { cwd: slow, timeoutMs: 2_000 });
      expect(killed.code).not.toBe(0);
      expect(await lines('releases')).toEqual(before);
      await stage.git(cwd, 'commit', '--quiet', '--allow-empty', '--message', 'again');
      writeFileSync(join(cwd, 'more.txt'), 'more');
      await stage.commit(cwd, 'more');
      expect((await lines('deploy')).at(-1)).toBe('v3 released');
    });
  });

  describe('scale factors', () => {
    test.each([
      [['web=-1'], 2, /-1/],
      [['web=x'], 2, /web=x/],
      [['wbe=1'], 1, /did you mean "web"/],
      [['v9', 'web=1'], 1, /v9/],
    ] as const)('scale %j is refused', async (args, code, says) => {
      const refused = await gilliam('scale', ...args);
      expectRefused(refused, code, says);
      expect(await lines('scale')).toEqual([]);
    });

    test('two at the same moment: one after the other, never a mix', async () => {
      for (let round = 0; round < 5; round++) {
        const results = await Promise.all([
          gilliam('scale', 'web=1', 'worker=1'),
          gilliam('scale', 'web=2', 'worker=2'),
        ]);
        expect(results.some(({ code }) => code === 0)).toBe(true);
        expect(['v3 web=1 worker=1', 'v3 web=2 worker=2']).toContain((await lines('scale')).join());
      }
      await lines('scale', 'web=0', 'worker=0', '--wait');
    });
  });

  describe('configuration', () => {
    test.each([
      [['POOL'], 2, /POOL/],
      [['9LIVES=1'], undefined, /9LIVES/],
      [
        [`BIG=${'x'.repeat(100_000)}`, `BIGGER=${'x'.repeat(100_000)}`, `MORE=${'x'.repeat(100_000)}`],
        1,
        /KiB/,
      ],
    ] as const)('config is refused: %#', async (args, code, says) => {
      const before = await lines('releases');
      const refused = await gilliam('config', ...args);
      expect(refused.stderr.trim().split('\n')).toHaveLength(1);
      expect(refused.stderr).toMatch(says);
      expect(code === undefined ? [1, 2] : [code]).toContain(refused.code);
      expect(await lines('releases')).toEqual(before);
    });

    test('a value with newlines and = is kept exactly', async () => {
      const value = 'one\ntwo = 2\n\tthree=3 ';
      await lines('config', `TEXT=${value}`);
      expect(await stage.json<Record<string, string>>(['config'], { cwd })).toMatchObject({ TEXT: value });
      await lines('config', '--unset', 'TEXT');
    });
  });

  describe('instances that cannot run', () => {
    test('a port that is taken on the host is passed over', async () => {
      const taken = await listen(12_200);
      try {
        await lines('scale', 'web=1', '--wait');
        expect((await lines('ps')).join()).toMatch(/ port 12201$/);
      } finally {
        taken.close();
      }
      await lines('scale', 'web=0', '--wait');
    });

    test('a container that exits at once is started again with back-off, and ps and why say so', async () => {
      const crashing = await stage.app('crashing', { Procfile: 'web: echo no database >&2; exit 7\n' });
      await stage.succeed(['create', 'crashing'], { cwd: crashing });
      await stage.succeed(['deploy'], { cwd: crashing });
      await stage.succeed(['scale', 'web=1'], { cwd: crashing });
      await stage.until('ps shows restarts', async () => {
        const [line = ''] = await stage.lines(['ps'], { cwd: crashing });
        return /restart/.test(line) && /exit 7/.test(line);
      });
      expect((await stage.lines(['why', 'web.1'], { cwd: crashing })).join('\n')).toMatch(/exit 7/);
      expect((await stage.lines(['logs', 'web.1'], { cwd: crashing })).join('\n')).toMatch(/no database/);
      await stage.succeed(['scale', 'web=0', '--wait'], { cwd: crashing });
    });

    test('a command that is not there fails, and says which', async () => {
      const absent = await stage.app('absent', { Procfile: 'web: pyton web.py\n' });
      await stage.succeed(['create', 'absent'], { cwd: absent });
      await stage.succeed(['deploy'], { cwd: absent });
      await stage.succeed(['scale', 'web=1'], { cwd: absent });
      await stage.until('an instance has failed', async () =>
        (await stage.lines(['ps', '--all'], { cwd: absent })).some(
          (line) => / failed /.test(line) && /pyton/.test(line),
        ),
      );
      await stage.succeed(['scale', 'web=0', '--wait'], { cwd: absent });
    });

    test('an image that disappeared: the instance fails and says so, and a deploy mends it', async () => {
      // No other stage has such an image.
      const gone = await stage.app('gone', {
        Procfile: 'worker: exec sleep 1000\n',
        'stage.txt': stage.stage,
      });
      await stage.succeed(['create', 'gone'], { cwd: gone });
      await stage.succeed(['deploy'], { cwd: gone });
      const [release] = await stage.json<{ spec: { image: string } }[]>(['releases'], { cwd: gone });
      await stage.docker('rmi', '--force', release?.spec.image as string);
      await stage.succeed(['scale', 'worker=1'], { cwd: gone });
      await stage.until('an instance has failed', async () =>
        (await stage.lines(['ps', '--all'], { cwd: gone })).some(
          (line) => / failed /.test(line) && /image/.test(line),
        ),
      );
      await stage.succeed(['scale', 'worker=0'], { cwd: gone });
      writeFileSync(join(gone, 'more.txt'), 'more');
      await stage.commit(gone, 'more');
      await stage.succeed(['deploy'], { cwd: gone });
      await stage.succeed(['scale', 'worker=1', '--wait'], { cwd: gone });
      await stage.succeed(['scale', 'worker=0', '--wait'], { cwd: gone });
    });
  });

  test('gilliam up a second time says that it is up, and starts nothing', async () => {
    const pids = () =>
      (['supervisor', 'etcd', 'controlplane', 'executor'] as const).map((one) => stage.process(one)?.pid);
    const before = pids();
    const { stdout } = await stage.up();
    expect(stdout).toMatch(/was up already/);
    expect(pids()).toEqual(before);
  });

  test('a stage of another layout is refused, and nothing is touched', async () => {
    const file = join(stage.data, 'stage.json');
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replace(/"layout": \d+/, '"layout": 0'));
    try {
      expectRefused(await gilliam('up'), 1, /layout 0/);
    } finally {
      writeFileSync(file, text);
    }
    await stage.succeed(['status']);
  });
});

function listen(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer()
      .on('error', reject)
      .listen(port, '0.0.0.0', () => resolve(server));
  });
}
