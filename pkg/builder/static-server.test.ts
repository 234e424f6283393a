import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { staticServer } from './static-server';

const directory = mkdtempSync(join(tmpdir(), 'gilliam-test-'));
let server: ChildProcess;
let port: number;

beforeAll(async () => {
  const root = join(directory, 'root');
  mkdirSync(join(root, 'docs'), { recursive: true });
  mkdirSync(join(root, 'empty'));
  mkdirSync(join(root, '.git'));
  writeFileSync(join(directory, 'secret'), 'secret');
  writeFileSync(join(directory, 'server.js'), staticServer);
  writeFileSync(join(root, 'index.html'), '<h1>Hello</h1>');
  writeFileSync(join(root, 'docs/index.html'), '<h1>Docs</h1>');
  writeFileSync(join(root, 'a b.css'), 'p {}');
  writeFileSync(join(root, '.git/config'), 'secret');
  symlinkSync('../secret', join(root, 'out'));
  server = spawn(process.execPath, [join(directory, 'server.js'), root], {
    env: { ...process.env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(server.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
  port = Number(/port (\d+)/.exec(line.toString())?.[1]);
});

afterAll(() => {
  server.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
});

/** Asks for exactly this path: fetch would tidy it. */
async function ask(path: string, options: { method?: string; headers?: Record<string, string> } = {}) {
  const request = get({ port, path, agent: false, ...options });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return { status: response.statusCode, headers: response.headers, body: await text(response) };
}

describe('the static file server', () => {
  it.each([
    ['/', 200, '<h1>Hello</h1>'],
    ['/index.html?x=1', 200, '<h1>Hello</h1>'],
    ['/docs/', 200, '<h1>Docs</h1>'],
    ['/docs', 301, ''],
    ['/a%20b.css', 200, 'p {}'],
    ['/empty/', 404, 'not found\n'],
    ['/nothing', 404, 'not found\n'],
    ['/index.html/', 404, 'not found\n'],
    ['/.git/config', 404, 'not found\n'],
    ['/%2egit/config', 404, 'not found\n'],
    ['/../secret', 404, 'not found\n'],
    ['/docs/%2e%2e/%2e%2e/secret', 404, 'not found\n'],
    ['/..%2fsecret', 404, 'not found\n'],
    ['/out', 404, 'not found\n'],
    ['/%00', 404, 'not found\n'],
    ['/%', 400, 'bad request\n'],
  ])('GET %s', async (path, status, body) => {
    expect(await ask(path)).toMatchObject({ status, body });
  });

  it('sends a directory to its own address, wherever it is mounted', async () => {
    expect((await ask('/docs?x=1')).headers.location).toBe('./docs/?x=1');
    expect((await ask('//docs')).headers.location).toBe('./docs/');
  });

  it('answers HEAD, conditional requests and no other methods', async () => {
    const { headers } = await ask('/', { method: 'HEAD' });
    expect(headers).toMatchObject({ 'content-type': 'text/html; charset=utf-8', 'content-length': '14' });
    const again = await ask('/', { headers: { 'if-none-match': String(headers.etag) } });
    expect(again).toMatchObject({ status: 304, body: '' });
    expect((await ask('/', { method: 'DELETE' })).status).toBe(405);
  });

  it('stops on SIGTERM', async () => {
    server.kill('SIGTERM');
    expect(await once(server, 'exit')).toEqual([0, null]);
  });
});
