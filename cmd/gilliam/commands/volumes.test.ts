import { InstanceState } from '../../../pkg/gen/gilliam/v1/instance';
import { volumes } from '../../../pkg/resource/objects';
import { CliHarness, type RunOptions } from '../testing/cli-harness';

let cli: CliHarness;
beforeEach(async () => {
  cli = await CliHarness.start();
  await cli.deployed();
  const object = volumes.decode(new Uint8Array());
  Object.assign(object.metadata, { name: 'web-1-data', formation: 'shop', uid: cli.api.random.uuid() });
  object.spec = { service: 'web', ordinal: 1, volume: 'data', executor: 'node-1' };
  await cli.api.store.commit([{ op: 'create', kind: volumes, object }]);
});
afterEach(() => cli.close());

const gilliam = (line: string, options?: RunOptions) => cli.gilliam(line, options);

test('volumes: columns apart by tabs, or a table, or JSON', async () => {
  expect((await gilliam('volumes')).stdout).toBe('web-1-data\tweb.1\tnode-1\tunknown\tkept\n');
  expect((await gilliam('volumes -A')).stdout).toMatch(/^shop\tweb-1-data\t/);
  const [heading] = (await gilliam('volumes', { terminal: true })).stdout.split('\n');
  expect(heading).toMatch(/^NAME {8}OF {5}EXECUTOR/);
  expect(JSON.parse((await gilliam('volumes --json')).stdout)).toMatchObject([
    { metadata: { name: 'web-1-data' }, spec: { executor: 'node-1' } },
  ]);
});

test('volumes delete: asks for the name twice', async () => {
  const careless = await gilliam('volumes delete web-1-data');
  expect(careless).toMatchObject({ code: 2, stdout: '' });
  expect(careless.stderr).toContain('gilliam volumes delete web-1-data --confirm web-1-data');
  expect((await gilliam('volumes delete web-1-data --plan')).stdout).toBe(
    'would delete web-1-data on node-1\n',
  );
  expect((await gilliam('volumes')).stdout).toContain('kept');
  expect((await gilliam('volumes delete web-1-data --confirm web-1-data')).stdout).toBe(
    'web-1-data is being deleted on node-1\n',
  );
  expect((await gilliam('volumes')).stdout).toMatch(
    /^web-1-data\.[0-9a-f]{8}\tweb\.1\tnode-1\tunknown\tdeleting\n$/,
  );
});

test.each(['', ' --confirm other', ' --yes'])('volumes delete%s: of what there is not', async (rest) => {
  expect(await gilliam(`volumes delete nope${rest}`)).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^error: "shop" has no volume "nope"/) as string,
  });
});

test('volumes delete: refused while an instance has it', async () => {
  await cli.api.placeInstance({ executor: 'node-1', state: InstanceState.RUNNING });
  for (const confirmed of ['', ' --yes']) {
    expect(await gilliam(`volumes delete web-1-data${confirmed}`)).toMatchObject({
      code: 1,
      stderr: 'error: volume web-1-data is in use by web.1: stop it first, gilliam scale web=0\n',
    });
  }
});
