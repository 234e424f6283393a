import { request } from 'node:http';
import { UnavailableError } from '../base/errors';
import { SystemRandom } from '../base/random';
import { FakeImageRegistry } from '../testing/fake-image-registry';
import { EngineDoor } from './engine-door';
import { mayRead } from './registry-path';

const repository = 'gilliam/prod-1f2e3d4c';
let registry: FakeImageRegistry;
let door: EngineDoor;

beforeEach(async () => {
  registry = new FakeImageRegistry(repository);
  const allows = (method: string, path: string) => mayRead(repository, method, path);
  door = await EngineDoor.open({ registry, allows, random: new SystemRandom() });
});
afterEach(() => door.close());

interface Answer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: Buffer;
}

function basic(password: string): string {
  return `Basic ${Buffer.from(`engine:${password}`).toString('base64')}`;
}

/** As an engine asks; the path goes out as it is. */
function ask(
  path: string,
  options: { method?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const { method = 'GET', headers = { authorization: basic(door.credentials.password) } } = options;
  const [host, port] = door.host.split(':');
  return new Promise((resolve, reject) => {
    const call = request({ host, port, path, method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
      );
    });
    call.on('error', reject).end();
  });
}

test('what an engine reads is what the registry has, whole or from where it was cut', async () => {
  const large = Buffer.alloc(300_000, 'layer');
  const path = `/v2/${repository}/blobs/${registry.addBlob(large)}`;
  expect((await ask(path)).body.equals(large)).toBe(true);
  const headers = { authorization: basic(door.credentials.password), range: 'bytes=250000-' };
  const rest = await ask(path, { headers });
  expect([rest.status, rest.body.equals(large.subarray(250_000))]).toEqual([206, true]);
  expect((await ask('/v2/')).status).toBe(200);
});

test.each([
  ['no password', {}],
  ['another password', { authorization: basic('00000000-0000-4000-8000-000000000000') }],
  ['a shorter one', { authorization: basic('x') }],
])('with %s nobody is let in', async (_, headers) => {
  const answer = await ask(`/v2/${repository}/manifests/${'a'.repeat(64)}`, { headers });
  expect([answer.status, answer.headers['www-authenticate']]).toEqual([
    401,
    expect.stringMatching(/^Basic /),
  ]);
  expect(registry.asked).toEqual([]);
});

test.each([
  ['GET', `/v2/gilliam/other/manifests/${'a'.repeat(64)}`],
  ['GET', `/v2/${repository}/../other/blobs/sha256:${'a'.repeat(64)}`],
  ['DELETE', `/v2/${repository}/manifests/sha256:${'a'.repeat(64)}`],
  ['GET', '/v2/_catalog'],
])('%s %s is not passed on', async (method, path) => {
  expect((await ask(path, { method })).status).toBe(403);
  expect(registry.asked).toEqual([]);
});

test('what ends in the middle breaks the connection, and the door says why', async () => {
  const path = `/v2/${repository}/blobs/${registry.addBlob(Buffer.alloc(300_000))}`;
  registry.cutAfterBytes = 100_000;
  await expect(ask(path)).rejects.toThrow(/aborted|socket hang up/);
  expect(door.failure?.message).toBe('the image registry has sent 100000 of 300000 bytes');
});

test('a registry that is away is an error of the gateway, and the door says why', async () => {
  registry.away = true;
  expect((await ask(`/v2/${repository}/manifests/${'a'.repeat(64)}`)).status).toBe(502);
  expect(door.failure).toBeInstanceOf(UnavailableError);
});

test('nobody gets in once it is closed', async () => {
  door.close();
  await expect(ask('/v2/')).rejects.toThrow(/ECONNREFUSED/);
});
