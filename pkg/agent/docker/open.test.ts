import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock } from '../../base/clock';
import { eventually } from '../../testing/api-harness';
import { DockerDriver } from './docker-driver';

// An engine that makes commands and never says that they have begun.
let directory: string;
let engine: Server;
let driver: DockerDriver;
let calls: string[];
let hungUp = 0;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'gilliam-engine-'));
  const socketPath = join(directory, 'engine.sock');
  calls = [];
  hungUp = 0;
  engine = createServer((request, response) => {
    calls.push(`${request.method} ${request.url}`);
    if (request.url === '/containers/c1/exec') {
      response.writeHead(201, { 'content-type': 'application/json' }).end('{"Id":"x1"}');
    } else if (request.url === '/exec/x1/json') {
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"Running":false}');
    }
  });
  engine.on('upgrade', (request, socket) => {
    calls.push(`${request.method} ${request.url}`);
    socket.on('end', () => hungUp++);
    socket.on('error', () => {});
    socket.resume();
  });
  await new Promise<void>((resolve) => engine.listen(socketPath, resolve));
  driver = new DockerDriver({ clock: new SystemClock(), socketPath });
});
afterEach(() => {
  driver.close();
  engine.closeAllConnections();
  engine.close();
  rmSync(directory, { recursive: true });
});

test('a command is not waited for by nobody: whoever leaves while it begins ends the call, and what came of it', async () => {
  const left = new AbortController();
  const opening = driver.open('c1', { command: ['sh'], tty: false }, left.signal);
  await eventually(() => expect(calls).toContain('POST /exec/x1/start'));
  left.abort(new Error('whoever was attached is gone'));
  await expect(opening).rejects.toThrow();
  await eventually(() => expect(hungUp).toBe(1));
  // Whether it has begun is asked for, to end it then.
  expect(calls).toEqual(['POST /containers/c1/exec', 'POST /exec/x1/start', 'GET /exec/x1/json']);
});
