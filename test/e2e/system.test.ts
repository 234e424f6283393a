import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { StageHarness } from './harness';

interface ShownInstance {
  readonly status: {
    readonly state: string;
    readonly host: string;
    readonly ports: readonly { readonly hostPort: number }[];
  };
}

const count = 60;
const names = Array.from({ length: count }, (_, index) => `svc-${String(index + 1).padStart(2, '0')}`);

describe(`a system of ${count} formations`, () => {
  let stage: StageHarness;
  let directory: string;
  let image: string;

  /** In six layers: each needs one of the layer below, and comes up after it. */
  function write(level: string): void {
    names.forEach((name, index) => {
      const before = names[index - (index % 10) - 1];
      mkdirSync(join(directory, name), { recursive: true });
      writeFileSync(
        join(directory, name, 'gilliam.yml'),
        `formation: ${name}
image: ${image}
processes:
  web:
    script: node web.js
    env: { LEVEL: ${level} }
    scale: 1
    ${before ? `needs: [web.${before}]` : ''}
  worker: { script: sleep 1000000, scale: 0 }
`,
      );
    });
  }

  /** What each formation's instance says of itself. */
  async function levels(): Promise<string[]> {
    const instances = await stage.json<ShownInstance[]>(['ps', '--all-formations']);
    // What stops is shown for as long as it takes.
    const running = instances.filter(({ status }) => status.state === 'INSTANCE_STATE_RUNNING');
    return Promise.all(
      running.map(async ({ status: { host, ports } }) =>
        (await fetch(`http://${host}:${ports[0]?.hostPort}/`)).text(),
      ),
    );
  }

  beforeAll(async () => {
    stage = await StageHarness.start({ hostPortBase: 13_100 });
    const app = await stage.app('any', {
      Procfile: 'web: node web.js\n',
      'package.json': '{"name": "any", "private": true}',
      'web.js': `const { createServer } = require('node:http');
process.on('SIGTERM', () => process.exit(0));
createServer((_, response) => response.end(process.env.GILLIAM_FORMATION + ' ' + process.env.LEVEL)).listen(process.env.PORT);
`,
    });
    await stage.succeed(['create', 'any'], { cwd: app });
    await stage.succeed(['deploy'], { cwd: app, timeoutMs: 120_000 });
    const releases = await stage.json<{ spec: { image: string } }[]>(['releases'], { cwd: app });
    image = releases[0]?.spec.image ?? '';
    directory = join(stage.directory, 'system');
    write('one');
  }, 240_000);
  afterAll(() => stage?.stop());

  test('is applied in one go', async () => {
    await stage.succeed(['apply', '-f', directory], { timeoutMs: 300_000 });
    expect((await levels()).sort()).toEqual(names.map((name) => `${name} one`));
  }, 320_000);

  test('is left alone by the same again', async () => {
    const before = await stage.containerStarts();
    const { stdout } = await stage.succeed(['apply', '-f', directory], { timeoutMs: 60_000 });
    expect(stdout.match(/nothing to change/g)).toHaveLength(count);
    expect(await stage.containerStarts()).toEqual(before);
  }, 90_000);

  test('is changed by one value in each', async () => {
    write('two');
    await stage.succeed(['apply', '-f', directory], { timeoutMs: 300_000 });
    expect((await levels()).sort()).toEqual(names.map((name) => `${name} two`));
  }, 320_000);

  test('goes back, all of it', async () => {
    // As somebody would in a shell, ten at a time.
    const left = [...names];
    const worker = async () => {
      for (let name = left.shift(); name; name = left.shift()) {
        await stage.succeed(['rollback', '--formation', name], { timeoutMs: 120_000 });
      }
    };
    await Promise.all(Array.from({ length: 10 }, worker));
    expect((await levels()).sort()).toEqual(names.map((name) => `${name} one`));
  }, 320_000);

  test('and nothing is written of a system of which one file is wrong', async () => {
    write('three');
    writeFileSync(
      join(directory, 'svc-60/gilliam.yml'),
      'formation: svc-60\nprocesses:\n  web: { scrip: x }\n',
    );
    const { code, stderr } = await stage.gilliam(['apply', '-f', directory], { timeoutMs: 60_000 });
    expect(code).toBe(1);
    expect(stderr).toMatch(/svc-60\/gilliam\.yml:3:\d+: .*did you mean "?script"?/);
    expect((await levels()).sort()).toEqual(names.map((name) => `${name} one`));
  }, 90_000);
});
