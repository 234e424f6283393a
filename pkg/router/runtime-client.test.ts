import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock } from '../base/clock';
import { UnavailableError } from '../base/errors';
import { RuntimeClient } from './runtime-client';

describe('the runtime API', () => {
  const directory = mkdtempSync(join(tmpdir(), 'gr-'));
  const path = join(directory, 'sock');
  const client = new RuntimeClient(path, new SystemClock());
  const sockets: Socket[] = [];
  let server: Server;

  beforeAll(async () => {
    server = createServer((socket) => {
      sockets.push(socket);
      socket.on('data', (data) => {
        for (const line of String(data).trim().split('\n')) {
          socket.write(line === 'prompt' ? '\n> ' : `to ${line}\n\n> `);
        }
      });
    });
    await new Promise<void>((resolve) => server.listen(path, resolve));
  });

  afterAll(() => {
    client.close();
    server.close();
    rmSync(directory, { recursive: true, force: true });
  });

  test('who asks at the same time, while there is no connection, shares one, and gets their own answer', async () => {
    const questions = ['a', 'b', 'c'];
    expect(await Promise.all(questions.map((each) => client.ask(each)))).toEqual(['to a', 'to b', 'to c']);
    expect(sockets).toHaveLength(1);
  });

  test('what is asked when the connection is closed fails, and the next question opens another', async () => {
    client.close();
    const asked = client.ask('lost');
    client.close();
    await expect(asked).rejects.toBeInstanceOf(UnavailableError);
    expect(await client.ask('again')).toBe('to again');
  });

  test('without a listener it says so', async () => {
    const nobody = new RuntimeClient(join(directory, 'nobody'), new SystemClock());
    await expect(nobody.ask('x')).rejects.toThrow(/^HAProxy does not answer: /);
    await expect(nobody.ask('x')).rejects.toBeInstanceOf(UnavailableError);
  });
});
