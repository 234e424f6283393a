import { parseConfig, type StageConfig } from './config';
import { executorName } from './new-config';
import { pickPorts, portsOfBlock } from './ports';

const config: StageConfig = {
  layout: 1,
  stage: 'local',
  id: '1f2e3d4c',
  ports: portsOfBlock(4410),
  hostPortBase: 10_000,
  executor: { name: 'one', host: 'one' },
  etcdBinary: '/usr/bin/etcd',
  engine: { owner: 'other' },
  baseImage: 'gilliam/base:bookworm',
};

describe("a stage's configuration", () => {
  const parse = (value: unknown) => parseConfig(JSON.stringify(value), '/data/stage.json');

  test('is read as it was written', () => expect(parse(config)).toEqual(config));

  test.each<[string, unknown, string]>([
    ['of an older layout', { ...config, layout: 0 }, 'start the stage once with the version that made it'],
    [
      'of a newer layout',
      { ...config, layout: 2 },
      'was written by a newer Gilliam (layout 2, this one knows 1)',
    ],
    ['without ports', { ...config, ports: undefined }, 'has no "ports"'],
  ])('%s is refused, with what to do', (_, value, message) => expect(() => parse(value)).toThrow(message));

  test('that is not JSON is refused', () => expect(() => parseConfig('{', '/x')).toThrow('is not JSON'));
});

describe('ports of a new stage', () => {
  const free =
    (...taken: number[]) =>
    (port: number) =>
      Promise.resolve(!taken.includes(port));

  test.each<[string, number[], number[], number]>([
    ['the usual ones', [], [], 4410],
    ['the next block when that one is taken', [], [4410], 4420],
    ['not those of another stage, up or not', [4410, 4420], [], 4430],
  ])('%s', async (_, stages, taken, base) => {
    expect(await pickPorts(stages.map(portsOfBlock), free(...taken))).toEqual(portsOfBlock(base));
  });

  test('says so when there are none', async () => {
    await expect(pickPorts([], () => Promise.resolve(false))).rejects.toThrow('no free ports between 4410');
  });
});

test.each([
  ['web-1.example.com', 'web-1'],
  ['Ann_s MacBook', 'ann-s-macbook'],
  ['42-host', 'host'],
  ['---', 'executor'],
  ['a'.repeat(80), 'a'.repeat(40)],
])('the machine %j is the executor %j', (host, name) => expect(executorName(host)).toBe(name));
