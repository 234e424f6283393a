import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { InvalidError, NotFoundError, PreconditionError, UnavailableError } from '../base/errors';
import { ExecutorSpec, ExecutorState, ExecutorStatus } from '../gen/gilliam/v1/executor';
import { formationOfToken } from '../registry/announce-token';
import { executors, type Executor } from '../resource/objects';
import { ApiHarness, eventually } from '../testing/api-harness';

let api: ApiHarness;
const servers: Server[] = [];
beforeEach(async () => {
  api = await ApiHarness.start();
});
afterEach(async () => {
  await Promise.all(
    servers.splice(0).map((server) => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    }),
  );
  await api.close();
});

const resolution = (node: string) => ({
  name: 'web.shop.service',
  node,
  ageMs: 12.5,
  virtualIp: '198.18.16.7',
  endpoints: [
    {
      formation: 'shop',
      service: 'web',
      instance: '1',
      release: 'v2',
      executor: 'e1',
      host: '10.0.0.1',
      port: 10_000,
      stale: false,
      ageMs: 3,
    },
    {
      formation: 'shop',
      service: 'web',
      instance: 'db',
      host: '10.0.0.9',
      port: 5432,
      stale: true,
      ageMs: 12.5,
    },
  ],
});

/** A node of the registry; answers what it is asked with what it is given. */
async function node(status: number, body: unknown): Promise<{ address: string; asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

async function executor(name: string, registryAddress: string, state = ExecutorState.READY): Promise<void> {
  const object: Executor = {
    metadata: { name, formation: '', uid: name, generation: 1n, revision: 0n, labels: {} },
    spec: ExecutorSpec.fromPartial({}),
    status: ExecutorStatus.fromPartial({ registryAddress, state }),
  };
  await api.store.commit([{ op: 'create', kind: executors, object }]);
  await eventually(() => expect(seen()).resolves.toContain(name));
}
const seen = async () =>
  (await api.client.executors.listExecutors({})).executors.map(({ metadata }) => metadata?.name);
const resolve = (name = 'web.shop.service', which = '') =>
  api.client.registry.resolve({ name, executor: which });

describe('resolving', () => {
  test('a node of a ready executor is asked, and its answer told in full', async () => {
    const [lost, ready] = [await node(200, resolution('e0')), await node(200, resolution('e1'))];
    await executor('e0', lost.address, ExecutorState.LOST);
    await executor('e1', ready.address);
    await eventually(async () => expect((await resolve()).node).toBe('e1'));
    const answer = await resolve('V2.web.shop.service');
    expect(ready.asked.at(-1)).toBe('/-/resolve?name=v2.web.shop.service');
    expect(answer).toMatchObject({ node: 'e1', virtualIp: '198.18.16.7', ageMs: 13n });
    expect(answer.endpoints).toEqual([
      expect.objectContaining({ instance: '1', release: 'v2', port: 10_000, stale: false, ageMs: 3n }),
      expect.objectContaining({ instance: 'db', release: '', executor: '', stale: true }),
    ]);
    expect((await resolve('web.shop.service', 'e0')).node).toBe('e0');
  });

  test('one that does not answer is passed over', async () => {
    const good = await node(200, resolution('e2'));
    await executor('e1', '127.0.0.1:1');
    await executor('e2', good.address);
    await eventually(async () => expect((await resolve()).node).toBe('e2'));
    await expect(resolve('web.shop.service', 'e1')).rejects.toBeInstanceOf(UnavailableError);
    await expect(resolve('web.shop.service', 'e1')).rejects.toThrow('no node of the registry answers (e1:');
  });

  test('an unknown name, with what the node says', async () => {
    const error = 'there is no wbe.shop.service: did you mean "web.shop.service"?';
    const { address } = await node(404, { error, nearest: ['web.shop.service'] });
    await executor('e1', address);
    await eventually(async () => {
      const thrown: unknown = await resolve('wbe.shop.service').catch((caught: unknown) => caught);
      expect(thrown).toBeInstanceOf(NotFoundError);
      expect((thrown as Error).message).toBe(error);
    });
  });

  test.each<[string, string, string, new (message: string) => Error, string]>([
    ['what is no name', 'shop', '', InvalidError, 'not of the form service.formation.service'],
    ['no executor at all', 'web.shop.service', '', PreconditionError, 'no executor has joined'],
    ['an unknown executor', 'web.shop.service', 'e9', NotFoundError, 'executor "e9" does not exist'],
  ])('%s', async (_, name, which, type, message) => {
    const error: unknown = await resolve(name, which).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(type);
    expect((error as Error).message).toContain(message);
  });

  test('executors without a node', async () => {
    await executor('e1', '');
    await eventually(() => expect(resolve()).rejects.toThrow('no executor has a node of the registry'));
    await expect(resolve('web.shop.service', 'e1')).rejects.toThrow(
      'executor e1 has no node of the registry',
    );
  });
});

describe('tokens for announcing', () => {
  test('one of the formation, and of no other', async () => {
    await api.shop();
    const { token } = await api.client.registry.createAnnounceToken({ parent: 'formations/shop' });
    expect(formationOfToken('executor-token', token)).toBe('shop');
    expect(formationOfToken('another', token)).toBeUndefined();
  });

  test('a formation that is not there, and one that is being deleted', async () => {
    const ask = () => api.client.registry.createAnnounceToken({ parent: 'formations/shop' });
    await expect(ask()).rejects.toBeInstanceOf(NotFoundError);
    await api.shop();
    await api.client.formations.deleteFormation({ name: 'formations/shop' });
    await expect(ask()).rejects.toBeInstanceOf(PreconditionError);
  });
});
