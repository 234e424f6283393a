import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { StageHarness } from './harness';

const web = `
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(('POOL_SIZE=' + os.environ.get('POOL_SIZE', '')).encode())
http.server.ThreadingHTTPServer(('', int(os.environ['PORT'])), Handler).serve_forever()
`;

const worker = `
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
while True:
    time.sleep(1)
`;

// The session of the quick intro, command by command; each test goes on where the one before has ended.
describe('the quick intro', () => {
  let stage: StageHarness;
  let cwd: string;

  beforeAll(async () => {
    stage = await StageHarness.start({ hostPortBase: 12_000 });
    cwd = await stage.app('service', {
      Procfile: 'web: python web.py\nworker: python worker.py\n',
      'web.py': web,
      'worker.py': worker,
    });
  });
  afterAll(() => stage?.stop());

  const lines = (...args: string[]) => stage.lines(args, { cwd });

  test('gilliam create <service name> ties the directory to the service', async () => {
    await lines('create', 'service');
    expect(readFileSync(join(cwd, '.gilliam.app'), 'utf8')).toContain('formation: service');
  });

  test('gilliam deploy makes a release of HEAD', async () => {
    expect((await lines('deploy')).at(-1)).toBe('v1 released');
  });

  test('processes will not start executing just because of that', async () => {
    expect(await lines('scale')).toEqual([]);
    expect(await lines('ps')).toEqual([]);
    expect(await stage.containers()).toEqual([]);
  });

  test('gilliam config POOL_SIZE=64 makes a new release', async () => {
    expect(await lines('config', 'POOL_SIZE=64')).toEqual(['v2 released']);
    expect(await lines('config')).toEqual(['POOL_SIZE=64']);
  });

  test('gilliam scale v2 web=2 worker=4, and gilliam scale prints it', async () => {
    await lines('scale', 'v2', 'web=2', 'worker=4');
    expect(await lines('scale')).toEqual(['v2 web=2 worker=4']);
  });

  test('gilliam ps shows the processes, with state, host and port', async () => {
    const running = / state running /;
    await stage.until('6 instances run', async () => {
      return (await lines('ps')).filter((line) => running.test(line)).length === 6;
    });
    const shown = await lines('ps');
    expect(shown.map((line) => line.split(' ')[0])).toEqual([
      ...['web.1', 'web.2'],
      ...['worker.1', 'worker.2', 'worker.3', 'worker.4'],
    ]);
    expect(shown[0]).toMatch(/^web\.1 v2 state running \(.+\) on host 127\.0\.0\.1 port 120\d\d$/);
    expect(shown[2]).toMatch(/^worker\.1 v2 state running \(.+\) on host 127\.0\.0\.1$/);
  });

  test('each web process answers on its port, with the configuration of its release', async () => {
    const ports = (await lines('ps')).flatMap((line) => / port (\d+)$/.exec(line)?.[1] ?? []);
    expect(new Set(ports).size).toBe(2);
    for (const port of ports) {
      const response = await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(20_000) });
      expect(await response.text()).toBe('POOL_SIZE=64');
    }
  });
});
