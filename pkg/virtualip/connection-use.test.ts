import { FakeRegistry } from '../testing/fake-registry';
import { parseRange } from './address-range';
import { connectionUse } from './connection-use';

const names: Record<string, string> = {
  '198.18.16.5': 'web.shop.service',
  '198.18.16.6': 'v2.web.shop.service',
  '198.18.16.7': '1.web.shop.service',
  '198.18.16.9': 'postgres.shop.service',
};
const at = (address: string, release: string) => ({
  ...{ host: '192.0.2.2', port: 10_000, ports: { '8080': 10_000 }, executor: 'here', address, release },
});

async function view(...releases: string[]) {
  const registry = new FakeRegistry();
  for (const [index, release] of releases.entries()) {
    await registry.put(`shop/web.${index + 1}`, at(`172.17.0.${index + 2}`, release));
  }
  await registry.put('shop/postgres.1', { host: '10.0.0.5', port: 5432 });
  const viewpoint = {
    executor: 'here',
    range: parseRange('198.18.16.0/20'),
    resolve: () => undefined,
  };
  return { registry, viewpoint, nameOf: (virtual: string) => names[virtual] };
}

const web = { formation: 'shop', service: 'web' };
const made = (virtual: string, count = 3) => ({ made: new Map([[virtual, count]]), open: [] });
const open = (virtual: string, target: string, count = 2) => ({
  made: new Map(),
  open: [{ virtual, target, count }],
});

it.each([
  ['one release', '198.18.16.5', ['v1', 'v1'], { ...web, release: 'v1' }],
  ['several releases', '198.18.16.5', ['v1', 'v2'], { ...web, release: '' }],
  ['a release that is named', '198.18.16.6', ['v1', 'v2'], { ...web, release: 'v2' }],
  ['an instance that is named', '198.18.16.7', ['v1', 'v2'], { ...web, release: 'v1' }],
  ['a service that is gone', '198.18.16.5', [], { ...web, release: '' }],
  ['what is not Gilliam’s', '198.18.16.9', ['v1'], { formation: 'shop', service: 'postgres', release: '' }],
])('connections made to %s', async (_what, virtual, releases, expected) => {
  expect(connectionUse(made(virtual), await view(...releases))).toEqual([{ ...expected, made: 3, open: 0 }]);
});

it('open connections are of the release that their endpoint is of', async () => {
  const seen = {
    made: new Map([['198.18.16.5', 1]]),
    open: [
      { virtual: '198.18.16.5', target: '172.17.0.2:8080', count: 2 },
      { virtual: '198.18.16.5', target: '172.17.0.3:8080', count: 3 },
      { virtual: '198.18.16.6', target: '172.17.0.3:8080', count: 4 },
    ],
  };
  expect(connectionUse(seen, await view('v1', 'v2'))).toEqual([
    { ...web, release: '', made: 1, open: 0 },
    { ...web, release: 'v1', made: 0, open: 2 },
    { ...web, release: 'v2', made: 0, open: 7 },
  ]);
});

it.each([
  ['made at an address that is nobody’s', made('198.18.16.77')],
  ['of which none is new', made('198.18.16.5', 0)],
  ['open to an address that is nobody’s', open('198.18.16.77', '172.17.0.2:8080')],
  // Its machine may have gone without a word; the kernel believes in it for days.
  ['open to an endpoint that is not announced any more', open('198.18.16.5', '172.17.0.99:8080')],
])('connections that are not counted: %s', async (_what, seen) => {
  expect(connectionUse(seen, await view('v1'))).toEqual([]);
});
