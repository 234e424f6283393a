import { UnavailableError } from '../base/errors';
import { ApiHarness, eventually } from '../testing/api-harness';
import { parseAddresses } from './addresses';
import { connect, type Client } from './client';

// Nobody listens there.
const nobody = '127.0.0.1:1';
const held: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of held.splice(0).reverse()) await each.close();
});

async function start(store?: ApiHarness['store']): Promise<ApiHarness> {
  const api = await ApiHarness.start(store && { store });
  held.push(api);
  return api;
}

function clientOf(...addresses: readonly string[]): Client {
  const client = connect({ address: addresses.join(','), token: 'user-token' });
  held.push(client);
  return client;
}

const names = async (client: Client) =>
  (await client.formations.listFormations({})).formations.map(({ metadata }) => metadata?.name);

test.each([
  ['a:1', ['a:1']],
  ['a:1,b:2', ['a:1', 'b:2']],
  [' a:1 , ,[::1]:2,', ['a:1', '[::1]:2']],
  ['', ['']],
])('the addresses in %j', (text, addresses) => {
  expect(parseAddresses(text)).toEqual(addresses);
});

test('the first control plane that can be reached is asked', async () => {
  const api = await start();
  await api.shop();
  const client = clientOf(nobody, api.address);
  expect(await names(client)).toEqual(['shop']);
  const { formations } = await client.formations.listFormations({});
  const afterRevision = (formations[0]?.metadata?.revision ?? 1n) - 1n;
  const changes = client.watch.watch({ parent: 'formations/shop', afterRevision })[Symbol.asyncIterator]();
  await expect(changes.next()).resolves.toMatchObject({ done: false });
  await changes.return?.();
});

test('when it goes, the next one is asked, and so on', async () => {
  const one = await start();
  const two = await start(one.store);
  await one.shop();
  const client = clientOf(one.address, two.address);
  expect(await names(client)).toEqual(['shop']);
  await one.stopServer();
  await eventually(async () => expect(await names(client)).toEqual(['shop']));
  await one.startServer();
  await two.stopServer();
  await eventually(async () => expect(await names(client)).toEqual(['shop']));
});

test('when all are gone, all are named', async () => {
  const client = clientOf(nobody, '127.0.0.1:2');
  const failure = names(client);
  await expect(failure).rejects.toBeInstanceOf(UnavailableError);
  await expect(failure).rejects.toThrow('does not answer at 127.0.0.1:1,127.0.0.1:2: gilliam up');
});
