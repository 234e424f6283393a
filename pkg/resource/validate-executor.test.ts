import type { ExecutorFacts } from './validate-executor';
import { validateExecutor } from './validate-executor';

const sound: ExecutorFacts = {
  name: 'e1',
  host: '10.0.0.1',
  domain: 'rack 1',
  tags: { ssd: 'true', 'kernel.version': '6.1' },
  capacity: { cpuMillis: 4_000, memoryBytes: 8n << 30n },
  version: '0.1.0',
  registryAddress: '',
};

describe('an executor', () => {
  test.each<Partial<ExecutorFacts>>([
    {},
    { host: 'e1' },
    { host: 'E1.rack-1.example.com' },
    { host: 'fd00::1' },
    { domain: '' },
    { tags: {} },
    { registryAddress: '10.0.0.1:4411' },
    { registryAddress: 'e1.rack-1.example.com:65535' },
    { registryAddress: '[fd00::1]:4411' },
  ])('is taken: %j', (facts) => {
    expect(() => validateExecutor({ ...sound, ...facts })).not.toThrow();
  });

  test.each<[Partial<ExecutorFacts>, string]>([
    [{ name: 'E_1' }, 'executor name "E_1" is not allowed'],
    [{ host: '' }, 'host "" is neither a host name nor an address: give what others reach the machine by'],
    [{ host: 'a b' }, 'host "a b" is neither a host name nor an address'],
    [{ host: 'http://a' }, 'host "http://a" is neither'],
    [{ domain: 'a\nb' }, 'domain is too long or not one line: the limit is 256 characters'],
    [{ tags: { '': 'x' } }, 'tag name "" is not allowed'],
    [{ tags: { a: 'x'.repeat(257) } }, 'tag "a" has a value that is too long'],
    ...[
      '10.0.0.1',
      ':4411',
      'a:0',
      'a:65536',
      'a:04',
      'fd00::1:4411',
      'http://a:1',
      'a b:1',
      'a:1/x',
      '[a]:1',
    ].map((registryAddress): [Partial<ExecutorFacts>, string] => [
      { registryAddress },
      `registry address ${JSON.stringify(registryAddress)} is not of the form host:port`,
    ]),
    [{ capacity: undefined }, 'cpu capacity is 0 CPU: it must be from 0.001 CPU to 1024 CPU (and 1 more'],
    [
      { capacity: { cpuMillis: 1, memoryBytes: -1n } },
      'memory capacity is -1 B: it must be from 1 B to 64 TiB',
    ],
  ])('is refused: %j', (facts, message) => {
    expect(() => validateExecutor({ ...sound, ...facts })).toThrow(message);
  });
});
