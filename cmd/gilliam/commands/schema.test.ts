import { CliHarness } from '../testing/cli-harness';

let cli: CliHarness;
beforeEach(async () => {
  cli = await CliHarness.start();
});
afterEach(() => cli.close());

test('schema prints what gilliam.yml, or a type, is checked by', async () => {
  const { code, stdout } = await cli.gilliam('schema');
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ title: 'gilliam.yml', properties: { processes: {} } });
  expect(JSON.parse((await cli.gilliam('schema --type --json')).stdout)).toMatchObject({
    required: expect.arrayContaining(['type', 'image', 'url']) as string[],
  });
});
