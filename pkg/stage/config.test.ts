import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseConfig, readConfig, type StageConfig } from './config';
import { executorName } from './new-config';
import { pickPorts, pickRouterPorts, portNumbers, portsOfBlock, type RouterPorts } from './ports';
import { readToken } from './tokens';

const config: StageConfig = {
  layout: 3,
  role: 'stage',
  stage: 'local',
  id: '1f2e3d4c',
  ports: portsOfBlock(4410),
  network: { routerPorts: { http: 8080, https: 8443 }, virtualRange: '198.18.16.0/20' },
  hostPortBase: 10_000,
  executor: { name: 'one', host: 'one' },
  etcdBinary: '/usr/bin/etcd',
  engine: { owner: 'other' },
  baseImage: 'gilliam/base:bookworm',
};

describe("a stage's configuration", () => {
  const parse = (value: unknown) => parseConfig(JSON.stringify(value), '/data/stage.json');

  test('is read as it was written', () => expect(parse(config)).toEqual(config));

  test('of before there was networking is taken on: its ports are those of its block, the rest is for `up`', () => {
    const before = { ...config, layout: 1, role: undefined, ports: { api: 4430 }, network: undefined };
    expect(parse(before)).toEqual({ ...config, ports: portsOfBlock(4430), network: undefined });
  });

  test('of before machines could join is that of the stage itself', () => {
    expect(parse({ ...config, layout: 2, role: undefined })).toEqual(config);
  });

  test('of a machine that has joined is read as it was written', () => {
    const joined = { ...config, role: 'executor', address: '10.0.0.2', api: '10.0.0.1:4410' };
    expect(parse(joined)).toEqual(joined);
  });

  test.each<[string, unknown, string]>([
    ['of an older layout', { ...config, layout: 0 }, 'start the stage once with the version that made it'],
    [
      'of a newer layout',
      { ...config, layout: 4 },
      'was written by a newer Gilliam (layout 4, this one knows 3)',
    ],
    ['without a role', { ...config, role: undefined }, 'has no "role"'],
    ['without ports', { ...config, ports: undefined }, 'has no "ports"'],
  ])('%s is refused, with what to do', (_, value, message) => expect(() => parse(value)).toThrow(message));

  test('that is not there is of no stage; one that cannot be read, and a token, say so', () => {
    expect(readConfig(join(tmpdir(), 'no', 'stage.json'))).toBeUndefined();
    expect(() => readConfig(tmpdir())).toThrow(/ cannot be read: it is a directory: work as the user/);
    expect(() => readToken('/nope')).toThrow(/^the token in \/nope cannot be read: there is no such file: /);
  });

  test('that is not JSON is refused', () => expect(() => parseConfig('{', '/x')).toThrow('is not JSON'));
});

describe('ports of a new stage', () => {
  const free =
    (...taken: number[]) =>
    (port: number) =>
      Promise.resolve(!taken.includes(port));
  const numbers = (bases: number[]) => bases.flatMap((base) => portNumbers(portsOfBlock(base)));

  test.each<[string, number[], number[], number]>([
    ['the usual ones', [], [], 4410],
    ['the next block when that one is taken', [], [4410], 4420],
    ['the next block when one port of it is taken', [], [4412], 4420],
    ['not those of another stage, up or not', [4410, 4420], [], 4430],
  ])('%s', async (_, stages, taken, base) => {
    expect(await pickPorts(numbers(stages), free(...taken))).toEqual(portsOfBlock(base));
  });

  test('says so when there are none', async () => {
    await expect(pickPorts([], () => Promise.resolve(false))).rejects.toThrow('no free ports between 4410');
  });

  test.each<[string, Partial<RouterPorts>, number[], number[], RouterPorts]>([
    ['of its router: the usual ones', {}, [], [], { http: 8080, https: 8443 }],
    ['of its router: the next free ones', {}, [8080, 8081], [8443], { http: 8082, https: 8444 }],
    ['of its router: not those of another stage', {}, [], [8080, 8443], { http: 8081, https: 8444 }],
    ['of its router: as wished for, free or not', { http: 80 }, [80], [], { http: 80, https: 8443 }],
    ['of its router: never the same twice', { https: 8080 }, [], [], { http: 8081, https: 8080 }],
  ])('%s', async (_, wishes, taken, stages, ports) => {
    expect(await pickRouterPorts(wishes, stages, free(...taken))).toEqual(ports);
  });

  test('of its router: says so when there are none', async () => {
    const none = () => Promise.resolve(false);
    await expect(pickRouterPorts({}, [], none)).rejects.toThrow(/between 8080 and 8280 .* --http-port/);
  });
});

test.each([
  ['web-1.example.com', 'web-1'],
  ['Ann_s MacBook', 'ann-s-macbook'],
  ['42-host', 'host'],
  ['---', 'executor'],
  ['a'.repeat(80), 'a'.repeat(40)],
])('the machine %j is the executor %j', (host, name) => expect(executorName(host)).toBe(name));
