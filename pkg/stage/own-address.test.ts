import { networkInterfaces } from 'node:os';
import { addressTowards, checkOwnAddress } from './own-address';

const none = new Set<string>();
const [own] = Object.values(networkInterfaces())
  .flatMap((each) => each ?? [])
  .filter(({ internal, family }) => !internal && family === 'IPv4')
  .map(({ address }) => address);

test.each<[string, RegExp]>([
  [
    '127.0.0.1',
    /at 127\.0\.0\.1: it is an address that only this machine reaches: give one of its addresses \(/,
  ],
  ['localhost', /at localhost: it leads to \S+, which is an address that only this machine reaches/],
  ['192.0.2.1', /it is none of its addresses: give one of/],
  // All that is announced is reached by IPv4.
  [
    'fd00::2',
    /^fd00::2 is an IPv6 address, and machines of a stage reach each other by IPv4: give one of its/,
  ],
  ['::1', /IPv6/],
  ['nowhere.invalid', /the name nowhere\.invalid leads nowhere on this machine: give one of/],
])('others do not reach this machine at %s', async (host, message) => {
  await expect(checkOwnAddress(host, none)).rejects.toThrow(message);
});

(own === undefined ? test.skip : test)('its own address is fine', async () => {
  await expect(checkOwnAddress(own as string, none)).resolves.toBeUndefined();
});

test('only addresses that can be given are proposed', async () => {
  await expect(checkOwnAddress('192.0.2.1', none)).rejects.not.toThrow(/[0-9a-f]::/);
});

describe('a bridge that only containers are on', () => {
  const of = (address: string, internal = false) => [
    { address, internal, family: 'IPv4' as const, netmask: '', mac: '', cidr: null },
  ];
  const interfaces = { lo: of('127.0.0.1', true), eth0: of('10.0.0.1'), docker0: of('172.17.0.1') };
  const bridges = new Set(['docker0']);

  test('is refused, and not proposed', async () => {
    await expect(checkOwnAddress('172.17.0.1', bridges, interfaces)).rejects.toThrow(
      /^other machines do not reach this one at 172\.17\.0\.1: it is the address of docker0, which only containers of this machine are on: give one of its addresses \(10\.0\.0\.1\), or a name that leads to one here, too$/,
    );
  });

  test('is in the way of no other', async () => {
    await expect(checkOwnAddress('10.0.0.1', bridges, interfaces)).resolves.toBeUndefined();
  });
});

test('the address of the way to another machine', async () => {
  expect(await addressTowards('127.0.0.1', 4410)).toBe('127.0.0.1');
  expect(await addressTowards('localhost', 4410)).toBe('127.0.0.1');
  expect(await addressTowards('::1', 4410)).toBeUndefined();
  expect(await addressTowards('nowhere.invalid', 4410)).toBeUndefined();
});
