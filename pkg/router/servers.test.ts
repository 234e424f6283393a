import type { Entry } from '../registry/types';
import { serversOf } from './servers';

const name = { formation: 'shop', service: 'db' };

function entry(instance: string, source: Entry['source'], host: string): Entry {
  return {
    ...{ ...name, instance, source, origin: 'e1', version: '', heardMs: 0, stale: false },
    body: { host, port: 10_000 },
  };
}

const addresses: Readonly<Record<string, string>> = {
  'host-1': '127.0.0.1',
  'host-2': '10.0.0.2',
  any: '0.0.0.0',
};

test('an announcement that is no agent’s does not lead to the machine itself, whatever its host stands for', () => {
  const entries = [
    entry('1', 'agent', 'host-1'),
    entry('2', 'external', 'host-1'),
    entry('3', 'external', 'host-2'),
    entry('4', 'external', 'any'),
  ];
  const servers = serversOf(name, [], {
    registry: { lookup: () => entries },
    executor: 'e2',
    addressOf: (host) => addresses[host],
  });
  expect(servers.map(({ name: server, address }) => [server.split('.')[0], address])).toEqual([
    ['1', '127.0.0.1'],
    ['3', '10.0.0.2'],
  ]);
});

test('a host that has moved is another server: HAProxy keeps the address of one it has', () => {
  const serversAt = (address: string) =>
    serversOf(name, [], {
      registry: { lookup: () => [entry('1', 'agent', 'host-2')] },
      executor: 'e2',
      addressOf: () => address,
    });
  const [before] = serversAt('10.0.0.2');
  const [after] = serversAt('10.0.0.3');
  expect(before?.name).not.toBe(after?.name);
});
