import { rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { StageHarness } from './harness';

/** Stands between a stage and the machine's engine, and can be gone as an engine can. */
class Gate {
  readonly #open = new Set<Socket>();
  #server: Server | undefined;

  constructor(private readonly path: string) {}

  async open(): Promise<void> {
    const server = createServer((client) => {
      const engine = connect('/var/run/docker.sock');
      for (const end of [client, engine]) {
        this.#open.add(end);
        end.on('error', () => end.destroy()).on('close', () => this.#open.delete(end));
      }
      client.on('close', () => engine.destroy());
      engine.on('close', () => client.destroy());
      client.pipe(engine).pipe(client);
    });
    await new Promise<void>((resolve) => server.listen(this.path, resolve));
    this.#server = server;
  }

  close(): void {
    this.#server?.close();
    for (const end of this.#open) end.destroy();
    rmSync(this.path, { force: true });
  }
}

describe('a Docker Engine that goes away', () => {
  let stage: StageHarness;
  let gate: Gate;
  let cwd: string;

  beforeAll(async () => {
    stage = StageHarness.prepare({ hostPortBase: 12_800 });
    const socket = join(stage.directory, 'docker.sock');
    gate = new Gate(socket);
    stage.env.DOCKER_HOST = `unix://${socket}`;
  });
  afterAll(async () => {
    await stage?.stop();
    gate?.close();
  });

  test('gilliam up says that it does not answer, and leaves nothing behind', async () => {
    const refused = await stage.gilliam(['up']);
    expect(refused.code).toBe(1);
    expect(refused.stderr.trim().split('\n').at(-1)).toMatch(/Docker Engine at DOCKER_HOST does not answer/);
    expect(stage.process('supervisor')).toBeUndefined();
  });

  test('with it, the stage comes up and runs instances', async () => {
    await gate.open();
    await stage.up();
    cwd = await stage.app('kept', { Procfile: 'worker: exec sleep 1000\n' });
    await stage.succeed(['create', 'kept'], { cwd });
    await stage.succeed(['deploy'], { cwd });
    await stage.succeed(['scale', 'worker=2', '--wait'], { cwd });
  });

  test('when it is gone, commands say so; when it is back, all goes on, and nothing was restarted', async () => {
    const before = await stage.containerStarts();
    gate.close();
    const executor = async () => (await stage.lines(['executors']))[0] ?? '';
    await stage.until('its executor takes no work', async () =>
      (await executor()).includes('without-engine'),
    );
    const status = await stage.gilliam(['status']);
    expect(status.code).toBe(1);
    expect(status.stdout).toMatch(/docker\s+(unhealthy|down)/);
    await stage.git(cwd, 'commit', '--quiet', '--allow-empty', '--message', 'again');
    const deploy = await stage.gilliam(['deploy'], { cwd });
    expect(deploy.code).toBe(1);
    expect(deploy.stderr.trim().split('\n').at(-1)).toMatch(/Docker Engine does not answer/);
    expect((await stage.lines(['releases'], { cwd })).length).toBe(1);
    await stage.succeed(['scale', 'worker=3'], { cwd });
    const why = await stage.gilliam(['why', 'worker.3'], { cwd });
    expect(why.stdout).toMatch(/without engine: the Docker Engine does not answer: /);

    await gate.open();
    await stage.until('the third instance runs', async () => {
      const lines = await stage.lines(['ps'], { cwd });
      return lines.filter((line) => / running /.test(line)).length === 3;
    });
    expect(await stage.containerStarts()).toMatchObject(before);
    expect(await executor()).toMatch(/\bready\b/);
    await stage.until('the stage is well', async () => (await stage.gilliam(['status'])).code === 0);
  });
});
