import { StageHarness, type Component } from './harness';

const web = `
const server = require('node:http').createServer((request, response) => response.end('up'));
server.listen(process.env.PORT);
process.on('SIGTERM', () => process.exit(0));
`;
const worker = `
setInterval(() => {}, 1000);
process.on('SIGTERM', () => process.exit(0));
`;

interface ShownInstance {
  readonly status: { readonly state: string; readonly ready: boolean; readonly restarts?: number };
}

// Invariants 1 to 3 and 6 on the real thing: what is killed comes back, and takes nothing with it.
describe('a running formation of 6 instances', () => {
  let stage: StageHarness;
  let cwd: string;

  beforeAll(async () => {
    stage = await StageHarness.start({ hostPortBase: 12_100 });
    cwd = await stage.app('steady', {
      Procfile: 'web: node web.js\nworker: node worker.js\n',
      'package.json': '{"name":"steady","version":"1.0.0","private":true}',
      'web.js': web,
      'worker.js': worker,
    });
    await stage.succeed(['create', 'steady'], { cwd });
    await stage.succeed(['deploy'], { cwd });
    await stage.succeed(['scale', 'web=3', 'worker=3', '--wait'], { cwd });
  });
  afterAll(() => stage?.stop());

  const shown = () => stage.json<ShownInstance[]>(['ps'], { cwd });
  const allRun = async () => {
    const instances = await shown();
    return (
      instances.length === 6 &&
      instances.every(({ status }) => status.state === 'INSTANCE_STATE_RUNNING' && status.ready)
    );
  };
  /** The whole way works: a write becomes a container, and goes again. */
  const acts = async () => {
    await stage.succeed(['scale', 'worker=4', '--wait'], { cwd });
    await stage.succeed(['scale', 'worker=3', '--wait'], { cwd });
  };

  test.each<Component>(['controlplane', 'executor', 'etcd', 'supervisor'])(
    'kill -9 of the %s: no container is restarted, and the state is right again within 5 s of its restart',
    async (component) => {
      const before = await stage.containerStarts();
      expect(Object.keys(before)).toHaveLength(6);
      const killed = stage.kill(component);
      if (component === 'supervisor') await stage.up();
      await stage.until(`${component} runs again`, async () => {
        const now = stage.process(component);
        return now !== undefined && now.pid !== killed;
      });
      const right = async () => (await stage.gilliam(['status'])).code === 0 && (await allRun());
      await stage.until(`the state is right after ${component} came back`, right, 5_000);
      expect(await stage.containerStarts()).toEqual(before);
      await acts();
      expect(await stage.containerStarts()).toEqual(before);
    },
  );

  test('invariant 6: with etcd and the control plane down, what crashes is started again, and commands say what is wrong', async () => {
    stage.kill('supervisor');
    stage.kill('etcd');
    stage.kill('controlplane');
    const before = await stage.containerStarts();
    const [victim] = Object.keys(before) as [string];
    await stage.docker('kill', '--signal=KILL', victim);

    await stage.until('the container that crashed runs again', async () => {
      const now = await stage.containerStarts();
      return Object.keys(now).length === 6 && now[victim] !== before[victim];
    });
    const after = await stage.containerStarts();
    expect({ ...after, [victim]: '' }).toEqual({ ...before, [victim]: '' });

    const refused = await stage.gilliam(['ps'], { cwd, timeoutMs: 10_000 });
    expect(refused.code).toBe(1);
    expect(refused.stderr.trim().split('\n')).toHaveLength(1);
    expect(refused.stderr).toContain('gilliam up');

    await stage.up();
    await stage.until('all is right again, and the restart is known', async () => {
      const restarts = (await shown()).map(({ status }) => status.restarts ?? 0).sort();
      return restarts.join() === '0,0,0,0,0,1' && (await allRun());
    });
    expect(await stage.containerStarts()).toEqual(after);
  });

  test('with etcd alone down, commands fail fast and say so, and all recovers by itself', async () => {
    const before = await stage.containerStarts();
    const { pid } = stage.process('etcd') as { pid: number };
    // Stopped, not ended: its supervisor sees nothing wrong, and it answers nobody.
    process.kill(pid, 'SIGSTOP');
    try {
      const started = performance.now();
      const refused = await stage.gilliam(['scale', 'worker=5'], { cwd, timeoutMs: 30_000 });
      expect(refused.code).toBe(1);
      expect(refused.stderr.trim().split('\n')).toHaveLength(1);
      expect(refused.stderr).toMatch(/etcd/);
      expect(performance.now() - started).toBeLessThan(15_000);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await stage.until('commands are carried out again', async () => (await shown()).length >= 6);
    await stage.succeed(['scale', 'worker=3', '--wait'], { cwd });
    await stage.until('all is right again', allRun);
    expect(await stage.containerStarts()).toEqual(before);
  });

  test('invariant 2: at most one container exists for each instance', async () => {
    const names = await stage.docker(
      ...['ps', '--all', '--filter', `label=gilliam.stage=${stage.key}`],
      ...['--format', '{{.Label "gilliam.instance"}}'],
    );
    const uids = names.split('\n').filter(Boolean);
    expect(uids).toHaveLength(6);
    expect(new Set(uids).size).toBe(6);
  });
});
