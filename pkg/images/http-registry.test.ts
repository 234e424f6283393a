import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SystemClock } from '../base/clock';
import { UnavailableError } from '../base/errors';
import { VirtualClock } from '../testing/virtual-clock';
import { HttpRegistry } from './http-registry';
import { textOf } from './image-registry';
import { parseRegistry } from './registry-setting';

const never = new AbortController().signal;
const held: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of held.splice(0).reverse()) await end();
});

async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server: Server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  held.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function registryAt(setting: string, clock = new SystemClock()): HttpRegistry {
  const registry = new HttpRegistry({ place: parseRegistry(setting), clock });
  held.push(() => registry.close());
  return registry;
}

const asking = (path: string, method = 'GET') => ({ method, path, headers: {} });

test('what is kept elsewhere is read there, without the password of the registry', async () => {
  const seen: (string | undefined)[] = [];
  const elsewhere = await serve(({ headers }, response) => {
    seen.push(headers.authorization);
    response.end('a layer');
  });
  const host = await serve(({ headers }, response) => {
    seen.push(headers.authorization);
    response.writeHead(307, { location: `http://${elsewhere}/bucket` }).end();
  });
  const answer = await registryAt(`http://ada:secret@${host}`).ask(asking('/v2/a/blobs/b'), never);
  expect([answer.status, await textOf(answer)]).toEqual([200, 'a layer']);
  expect(seen).toEqual([`Basic ${Buffer.from('ada:secret').toString('base64')}`, undefined]);
});

test('one that sends on and on is not followed for ever', async () => {
  let asked = 0;
  const host = await serve((_, response) => {
    asked++;
    response.writeHead(307, { location: '/again' }).end();
  });
  const answer = await registryAt(`http://${host}`).ask(asking('/v2/'), never);
  expect([answer.status, await textOf(answer), asked]).toEqual([307, '', 4]);
});

test('where an upload goes on is said without a host', async () => {
  const host = await serve((_, response) => {
    response.writeHead(202, { location: 'http://registry.example/v2/a/blobs/uploads/1?s=2' }).end();
  });
  const answer = await registryAt(`http://${host}`).ask(asking('/v2/a/blobs/uploads/', 'POST'), never);
  await textOf(answer);
  expect(answer.headers.location).toBe('/v2/a/blobs/uploads/1?s=2');
});

test('one that is not there is said to be away, by its name without a password', async () => {
  const asked = registryAt('http://ada:secret@127.0.0.1:1').ask(asking('/v2/'), never);
  await expect(asked).rejects.toThrow(UnavailableError);
  await expect(asked).rejects.toThrow(/^the image registry at http:\/\/127\.0\.0\.1:1 does not answer: /);
});

test.each([
  ['says nothing', () => {}],
  ['stops in the middle', (_: unknown, response: ServerResponse) => void response.write('half')],
])('one that %s is given up', async (_, answer) => {
  let begun = () => {};
  const reached = new Promise<void>((resolve) => (begun = resolve));
  const host = await serve((request, response) => {
    answer(request, response);
    begun();
  });
  const clock = new VirtualClock();
  const read = registryAt(`http://${host}`, clock).ask(asking('/v2/'), never).then(textOf);
  const failed = expect(read).rejects.toThrow('it has said nothing for 30 s');
  await reached;
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
  await clock.advance(31_000);
  await failed;
});

test('one that breaks off is away', async () => {
  const host = await serve((_, response) => {
    response.writeHead(200, { 'content-length': '100' });
    response.write('half', () => response.destroy());
  });
  const read = registryAt(`http://${host}`).ask(asking('/v2/'), never).then(textOf);
  await expect(read).rejects.toThrow(UnavailableError);
});
