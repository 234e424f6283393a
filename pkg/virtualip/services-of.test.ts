import type { Announcement, Entry } from '../registry/types';
import { parseRange } from './address-range';
import { servicesOf } from './services-of';

const range = parseRange('198.18.16.0/20');
const viewpoint = {
  executor: 'one',
  range,
  resolve: (host: string) => (host === 'db.example.com' ? '203.0.113.9' : undefined),
};

function entry(instance: string, body: Announcement, source: Entry['source'] = 'agent'): Entry {
  return {
    formation: 'shop',
    service: 'web',
    instance,
    body,
    source,
    origin: 'one',
    version: '1',
    heardMs: 0,
    stale: false,
  };
}

function show(...entries: Entry[]): Record<string, string[]> {
  const services = servicesOf('web.shop.service', '198.18.16.5', entries, viewpoint);
  return Object.fromEntries(
    services.map(({ port, endpoints }) => [port, endpoints.map((one) => `${one.address}:${one.port}`)]),
  );
}

const local = entry('1', {
  ...{ host: '192.0.2.2', port: 10_000, executor: 'one', address: '172.17.0.2' },
  ports: { '8080': 10_000, '9090': 10_001 },
});
const remote = entry('2', {
  ...{ host: '192.0.2.7', port: 10_004, executor: 'two', address: '172.17.0.2' },
  ports: { '8080': 10_004 },
});

describe('what is behind a virtual address', () => {
  it('local instances by their own address, others by their executor’s, at all ports and at 80', () => {
    expect(show(remote, local)).toEqual({
      '80': ['172.17.0.2:8080', '192.0.2.7:10004'],
      '8080': ['172.17.0.2:8080', '192.0.2.7:10004'],
      '9090': ['172.17.0.2:9090'],
    });
    expect(show(local, remote)).toEqual(show(remote, local));
  });

  it('a port 80 of its own is no other’s', () => {
    expect(show(entry('1', { host: '10.0.0.1', port: 80, ports: { '80': 80, '8080': 81 } }))).toEqual({
      '80': ['10.0.0.1:80'],
      '8080': ['10.0.0.1:81'],
    });
  });

  it('what others announce, by address or by name', () => {
    expect(show(entry('db', { host: 'db.example.com', port: 5432 }, 'external'))).toEqual({
      '80': ['203.0.113.9:5432'],
      '5432': ['203.0.113.9:5432'],
    });
  });

  it.each([
    ['no host', { port: 80 }],
    ['no port', { host: '10.0.0.1' }],
    ['a host that nobody knows', { host: 'nowhere.example.com', port: 80 }],
    ['the machine’s own loopback', { host: '127.0.0.1', port: 80 }],
    ['a virtual address', { host: '198.18.16.9', port: 80 }],
    ['many machines', { host: '255.255.255.255', port: 80 }],
    ['IPv6', { host: '::1', port: 80 }],
    ['a port that is none', { host: '10.0.0.1', port: 70_000 }],
    ['half a port', { host: '10.0.0.1', port: 1.5 }],
    ['ports that are none', { host: '10.0.0.1', ports: { 'x; flush ruleset': 1 } }],
  ] as [string, Announcement][])('nothing for %s', (_what, body) => {
    expect(show(entry('x', body, 'external'))).toEqual({});
  });

  it('one endpoint once, whoever announces it', () => {
    const body = { host: '10.0.0.1', port: 5432 };
    expect(show(entry('a', body, 'external'), entry('b', body, 'external'))['5432']).toEqual([
      '10.0.0.1:5432',
    ]);
  });

  it('so many ports only, those of instances first', () => {
    const portsFrom = (first: number) =>
      Object.fromEntries(Array.from({ length: 64 }, (_, index) => [String(first + index), 7]));
    const others = Array.from({ length: 1_000 }, (_, index) =>
      entry(`x${index}`, { host: '10.0.0.1', ports: portsFrom(100 + 64 * index) }, 'external'),
    );
    const ports = Object.keys(show(...others, local)).map(Number);
    expect(ports).toHaveLength(256);
    expect(ports.filter((port) => port > 1_000)).toEqual([8080, 9090]);
  });
});
