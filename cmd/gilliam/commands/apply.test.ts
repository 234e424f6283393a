import { formations } from '../../../pkg/resource/objects';
import { CliHarness, type RunOptions } from '../testing/cli-harness';

let cli: CliHarness;
beforeEach(async () => {
  cli = await CliHarness.start();
});
afterEach(() => cli.close());

const gilliam = (line: string, options?: RunOptions) => cli.gilliam(line, options);

/** Puts a manifest and a source into a directory, and commits all. */
function system(directory: string, manifest: string): void {
  cli.write(`${directory}/gilliam.yml`, manifest);
  cli.write(`${directory}/server.js`, '');
  cli.commit('a system');
}

const web = (formation: string, more = '') =>
  `formation: ${formation}\nprocesses:\n  web:\n    script: node server.js\n${more}`;

/** Moves with every write. */
async function storeRevision(): Promise<bigint> {
  return (await cli.api.store.list(formations)).revision;
}

describe('apply', () => {
  test('makes formation, release, factors and routes from nothing, and then changes nothing', async () => {
    system('shop', `${web('shop', '    scale: 2\n')}routes:\n  shop.localhost/: web\n`);
    cli.routerAt({ http: 80, https: 443 });
    const first = await gilliam('apply -f shop --no-wait');
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(first.stdout).toContain('building shop\n');
    expect(first.stdout).toMatch(/\n {2}\+ web\.1 v1 starts/);
    expect(first.stdout).toContain('\nshop v1 applied\n  http://shop.localhost/\n');
    expect((await gilliam('scale --formation shop')).stdout).toBe('v1 web=2\n');

    const writes = await storeRevision();
    expect(await gilliam('apply -f shop')).toEqual({
      code: 0,
      stdout: 'shop: nothing to change\n',
      stderr: '',
    });
    expect(await storeRevision()).toEqual(writes);
  });
});
