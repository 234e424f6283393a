import { developmentCertificate } from '../../../pkg/certificates/development-certificate';
import { RolloutPhase } from '../../../pkg/gen/gilliam/v1/rollout';
import { formations, releases, rollouts, routes, type Rollout } from '../../../pkg/resource/objects';
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

  test('a release says which commit was applied, also where its image is of one before', async () => {
    system('shop', web('shop', '    scale: 0\n'));
    await gilliam('apply -f shop --no-wait');
    cli.write('shop/gilliam.yml', web('shop', '    scale: 0\n    env: {LEVEL: debug}\n'));
    cli.commit('louder');
    await gilliam('apply -f shop --no-wait');
    await gilliam('config --formation shop A=1');
    // Of the same source still.
    cli.write('shop/gilliam.yml', web('shop', '    scale: 0\n    env: {LEVEL: info}\n'));
    const head = cli.commit('less loud');
    await gilliam('apply -f shop --no-wait');
    const { stdout } = await gilliam('releases --formation shop');
    const rows = stdout
      .trimEnd()
      .split('\n')
      .reverse()
      .map((row) => row.split('\t'));
    const [first, second, third, fourth] = rows.map(([, , commit]) => commit);
    expect(rows.map((row) => row.at(-1))).toEqual(['a system', 'louder', 'set A', 'less loud']);
    expect(new Set([first, second, fourth]).size).toBe(3);
    expect(fourth).toBe(head.slice(0, 7));
    expect(third).toBe('-');
    expect(new Set(rows.map(([, , , image]) => image)).size).toBe(1);
  });

  test('what was taken back is not tried again before it has changed, and apply says so', async () => {
    system('shop', web('shop'));
    await gilliam('apply -f shop --no-wait');
    const changed = web('shop', '    env: {LEVEL: debug}\n');
    cli.write('shop/gilliam.yml', changed);
    await gilliam('apply -f shop --no-wait');
    const key = { formation: 'shop', name: 'current' };
    const rollout = await cli.api.store.get(rollouts, key);
    if (!rollout) throw new Error('no rollout');
    const { ABORTED } = RolloutPhase;
    const status = {
      ...rollout.status,
      phase: ABORTED,
      reason: 'CrashLoop',
      message: 'web.2 was restarted 3 times',
    };
    const taken: Rollout = { ...rollout, status };
    await cli.api.store.commit([{ op: 'update', kind: rollouts, object: taken }]);
    const why =
      /v2 was taken back at .*Z \(CrashLoop\): web.2 was restarted 3 times: it is not tried again as it is: change it, or gilliam apply --retry\n/;
    const plan = await gilliam('diff -f shop');
    expect(plan).toMatchObject({ code: 0, stdout: expect.stringMatching(why) as string });
    for (const again of [
      await gilliam('apply -f shop --no-wait'),
      await gilliam('apply -f shop --no-wait --json'),
    ])
      expect(again).toMatchObject({ code: 1, stderr: expect.stringMatching(why) as string });
    // Only a build shows that another source comes to what was taken back.
    cli.write('shop/README.md', 'words');
    cli.commit('words');
    const built = await gilliam('apply -f shop --no-wait');
    expect(built).toMatchObject({ code: 1, stderr: expect.stringMatching(why) as string });
    expect((await cli.api.store.get(rollouts, key))?.metadata.uid).toBe(rollout.metadata.uid);
    expect(await gilliam('apply -f shop --no-wait --retry')).toMatchObject({ code: 0, stderr: '' });
    expect((await cli.api.store.get(rollouts, key))?.metadata.uid).not.toBe(rollout.metadata.uid);
  });

  test('a route has the certificate of files beside the manifest, and the same files change nothing', async () => {
    const tls = 'tls: {certificate: tls/a.pem, key: tls/a.key}';
    system('shop', `${web('shop')}routes:\n  shop.localhost/: {target: web, ${tls}}\n`);
    const missing = await gilliam('apply -f shop --no-wait');
    expect(missing).toMatchObject({ code: 1, stdout: '' });
    expect(missing.stderr).toMatch(
      /shop\/gilliam\.yml:6:40: routes: certificate of shop\.localhost\/: .*tls\/a\.pem cannot be read: there is no such file/,
    );
    const { certificate, privateKey } = await developmentCertificate('shop.localhost', new Date());
    cli.write('shop/tls/a.pem', certificate);
    cli.write('shop/tls/a.key', privateKey);
    const made = await gilliam('apply -f shop --no-wait');
    expect(made.code).toBe(0);
    expect(made.stdout).not.toContain('PRIVATE');
    const { items } = await cli.api.store.list(routes, { formation: 'shop' });
    expect(items[0]?.spec.tls).toMatchObject({
      development: false,
      fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    });
    expect((await gilliam('apply -f shop --no-wait')).stdout).toBe('shop: nothing to change\n');
  });

  test('needs that go round in a circle are refused before any source is looked at', async () => {
    const need = (other: string) => `    needs: [web.${other}]\n`;
    cli.write('all/a/gilliam.yml', web('a', need('b')));
    cli.write('all/b/gilliam.yml', web('b', need('a')));
    // Not in git at all.
    expect((await gilliam('apply -f all')).stderr).toBe(
      'error: all/a/gilliam.yml:5:13: needs of formations go round in a circle: a → b → a\n',
    );
  });

  test('a formation whose manifest is gone is not pruned, and that is said', async () => {
    for (const name of ['a', 'b', 'c']) system(`all/${name}`, web(name));
    await gilliam('apply -f all --no-wait');
    for (const command of ['diff -f all/a -f all/b --prune', 'apply -f all/a -f all/b --prune --no-wait']) {
      expect(await gilliam(command)).toMatchObject({
        code: 0,
        stderr: '--prune removes no formation: of one that is no longer described, gilliam destroy NAME\n',
      });
    }
    const { items } = await cli.api.store.list(formations);
    expect(items.map(({ metadata }) => metadata.name)).toEqual(['a', 'b', 'c']);
  });

  test('another source that comes to the same image is built once, and makes no release', async () => {
    system('shop', web('shop'));
    await gilliam('apply -f shop --no-wait');
    cli.write('shop/README.md', 'words');
    cli.commit('words');
    const builds = () => cli.api.builder.inputs.length;
    const before = builds();
    expect((await gilliam('apply -f shop --no-wait')).code).toBe(0);
    expect(builds()).toBe(before + 1);
    expect(await gilliam('apply -f shop --no-wait')).toEqual({
      ...{ code: 0, stderr: '', stdout: 'shop: nothing to change\n' },
    });
    expect(builds()).toBe(before + 1);
    expect((await gilliam('diff -f shop')).stdout).toBe('shop: nothing to change\n');
    const { items } = await cli.api.store.list(releases, { formation: 'shop' });
    expect(items).toHaveLength(1);
  });

  test('an environment variable that changes makes a release and builds nothing', async () => {
    system('shop', web('shop'));
    await gilliam('apply -f shop --no-wait');
    cli.write('shop/gilliam.yml', web('shop', '    env: {LEVEL: debug}\n'));
    const builds = cli.api.builder.inputs.length;
    const { code, stdout, stderr } = await gilliam('apply -f shop --no-wait');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('  + release v2 processes.web.env.LEVEL: debug\n');
    expect(stdout).toContain('shop v2 applied\n');
    expect(cli.api.builder.inputs).toHaveLength(builds);
  });

  test('nothing to change is not all where a rollout waits at its canary', async () => {
    system('shop', web('shop', '    scale: 3\n'));
    await gilliam('apply -f shop --no-wait');
    cli.write('shop/gilliam.yml', web('shop', '    scale: 3\n    env: {LEVEL: debug}\n'));
    await gilliam('apply -f shop --no-wait');
    expect((await gilliam('apply -f shop --no-wait')).stdout).toBe('shop: nothing to change\n');
    const before = await cli.api.store.get(rollouts, { formation: 'shop', name: 'current' });
    if (!before) throw new Error('no rollout');
    const object = { ...before, status: { ...before.status, phase: RolloutPhase.PAUSED } };
    await cli.api.store.commit([{ op: 'update', kind: rollouts, object }]);
    for (const line of ['apply -f shop --no-wait', 'apply -f shop --plan', 'diff -f shop']) {
      expect(await gilliam(line)).toEqual({
        code: 0,
        stdout:
          'shop: nothing to change: v2 is at its canary: gilliam promote or gilliam abort --formation shop\n',
        stderr: '',
      });
    }
  });

  test('--plan changes nothing, and a plan that has gone stale is refused', async () => {
    system('shop', web('shop'));
    const before = await storeRevision();
    const seen = await gilliam('apply -f shop --plan');
    expect(seen.stdout).toMatch(/image: to be built of commit [0-9a-f]{7} /);
    expect(seen.stdout).toContain('  + release v1 image: (built of commit ');
    expect(await gilliam('diff -f shop')).toEqual(seen);
    expect(await storeRevision()).toBe(before);
    const plan = /\nplan ([0-9a-f]{16})\n$/.exec(seen.stdout)?.[1] ?? '';

    await gilliam('create shop --json');
    const refused = await gilliam(`apply -f shop --no-wait --expect ${plan}`);
    expect(refused).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(
        /^error: the plan is [0-9a-f]{16} now, not [0-9a-f]{16}: something has changed since/,
      ) as string,
    });
    const { plan: now } = JSON.parse((await gilliam('diff -f shop --json')).stdout) as { plan: string };
    expect(await gilliam(`apply -f shop --no-wait --expect ${now}`)).toMatchObject({ code: 0 });
  });

  test('--prune removes what was applied and is no longer described, and nothing else', async () => {
    system('shop', `${web('shop')}routes:\n  shop.localhost/: web\n`);
    await gilliam('apply -f shop --no-wait');
    await gilliam('route other.localhost web --formation shop');
    cli.write('shop/gilliam.yml', web('shop'));
    expect((await gilliam('apply -f shop --no-wait')).stdout).toBe('shop: nothing to change\n');
    expect((await gilliam('apply -f shop --no-wait --prune')).stdout).toContain('  - route shop-localhost');
    expect((await gilliam('routes --formation shop')).stdout).toMatch(/^other-localhost\t/);
  });

  test('says what it waits for when it takes too long', async () => {
    system('shop', web('shop'));
    expect(await gilliam('apply -f shop --timeout 500ms')).toMatchObject({
      code: 1,
      stderr: 'error: applied, but after 0.5s shop has web 0/1: gilliam status\n',
    });
  });

  test('--json is one value', async () => {
    system('shop', web('shop'));
    const { stdout } = await gilliam('apply -f shop --no-wait --json');
    expect(JSON.parse(stdout)).toMatchObject({
      plan: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
      formations: [{ formation: 'shop', release: { metadata: { name: 'v1' } } }],
    });
  });
});

describe('a whole system', () => {
  const services = 'auxiliary:\n  _cache: {type: redis}\n';

  test('comes up in the order of needs, and two formations share the image of a service', async () => {
    system('system/shop', web('shop', `    needs: [web.users, _cache]\n${services}`));
    system('system/users', web('users', services));
    const { code, stdout } = await gilliam('apply -f system --no-wait');
    expect(code).toBe(0);
    expect(stdout.indexOf('users:')).toBeLessThan(stdout.indexOf('shop:'));
    // Two apps and one redis; a registry is tried first, and the fake answers as one would.
    expect(cli.api.builder.inputs.map(({ formation }) => formation).sort()).toHaveLength(3);
    expect((await gilliam('apply -f system --no-wait')).stdout).toBe(
      'users: nothing to change\nshop: nothing to change\n',
    );
  });

  test('what is needed may be a process that its formation has, and that is not described any more', async () => {
    const image = `image: sha256:${'1'.repeat(64)}\n`;
    const command = (name: string) => `  ${name}:\n    command: [serve]\n`;
    cli.write('system/users/gilliam.yml', `formation: users\n${image}processes:\n${command('api')}`);
    expect(await gilliam('apply -f system --no-wait')).toMatchObject({ code: 0 });
    cli.write('system/users/gilliam.yml', `formation: users\n${image}processes:\n${command('web')}`);
    const needs = '    needs: [api.users]\n';
    cli.write('system/shop/gilliam.yml', `formation: shop\n${image}processes:\n${command('web')}${needs}`);
    expect(await gilliam('diff -f system')).toMatchObject({ code: 0, stderr: '' });
  });

  test('what needs something that does not come up is not applied', async () => {
    system('system/shop', web('shop', '    needs: [web.users]\n'));
    system('system/users', web('users'));
    expect(await gilliam('apply -f system --timeout 500ms')).toMatchObject({
      code: 1,
      stderr:
        'warning: not applied, since what comes before does not run: shop\nerror: applied, but after 0.5s users has web 0/1: gilliam status\n',
    });
    expect((await gilliam('diff -f system/shop')).stdout).toContain('+ formation shop');
  });

  test('is checked as a whole before the first is written', async () => {
    await gilliam('create other');
    await gilliam('route taken.localhost web.other.service --formation other');
    system('system/a', web('a'));
    system('system/b', `${web('b')}routes:\n  taken.localhost/: web\n`);
    const before = await storeRevision();
    const { code, stderr } = await gilliam('apply -f system --no-wait');
    expect({ code, stderr }).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('taken.localhost') as string,
    });
    expect(await storeRevision()).toBe(before);
    expect(cli.api.builder.inputs).toEqual([]);
  });

  test('every fault of every file is a line of its own', async () => {
    system('system/a', 'formation: a\nprocesses:\n  web: {scrip: x}\n');
    system('system/b', 'formation: b\nprocesses:\n  web: {script: x, grace: 5}\n');
    expect(await gilliam('apply -f system')).toEqual({
      code: 1,
      stdout: '',
      stderr: [
        'error: system/a/gilliam.yml:3:9: processes.web.scrip is no key: did you mean script?',
        'error: system/b/gilliam.yml:3:20: processes.web.grace is not a length of time: write 500ms, 30s, 5m, 2h or 1d',
        '',
      ].join('\n'),
    });
  });

  test('needs in a circle are refused', async () => {
    system('system/a', web('a', '    needs: [web.b]\n'));
    system('system/b', web('b', '    needs: [web.a]\n'));
    expect((await gilliam('apply -f system')).stderr).toBe(
      'error: system/a/gilliam.yml:5:13: needs of formations go round in a circle: a → b → a\n',
    );
  });

  test('of 50 formations with 4 processes each, unchanged, nothing is written', async () => {
    const processes = ['web', 'api', 'worker', 'clock'].map((name) => `  ${name}: {script: run ${name}}\n`);
    for (let at = 0; at < 50; at += 1)
      cli.write(`system/s${at}/gilliam.yml`, `formation: s${at}\nprocesses:\n${processes.join('')}`);
    cli.commit('fifty');
    expect(await gilliam('apply -f system --no-wait')).toMatchObject({ code: 0 });
    const before = await storeRevision();
    const { code, stdout } = await gilliam('apply -f system --no-wait');
    expect({ code, lines: stdout.split('\n').length }).toEqual({ code: 0, lines: 51 });
    expect(stdout).not.toContain('built');
    expect(await storeRevision()).toBe(before);
  });
});

describe('what cannot be applied', () => {
  test.each<[string, string, number, string | RegExp]>([
    ['no manifest', 'apply', 2, 'error: no gilliam.yml here or above: write one, or name it with -f\n'],
    ['a path that is not there', 'apply -f none', 2, 'error: -f none: there is no such file or directory\n'],
    ['a directory without any', 'apply -f empty', 2, 'error: -f empty: no gilliam.yml in it or below\n'],
    ['a file of 5 MB', 'apply -f large.yml', 1, /^error: large\.yml is over the limit of 512 KiB: /],
    [
      'a file that is no text',
      'apply -f binary.yml',
      1,
      'error: binary.yml is not text in UTF-8: save it as such\n',
    ],
    ['no formation', 'apply -f nameless.yml', 1, /^error: nameless\.yml:1:1: formation is missing: /],
    [
      'another formation than asked for',
      'apply -f named.yml --formation b',
      2,
      /^error: named\.yml is about a, and b was asked for/,
    ],
    [
      'a source outside of git',
      'apply -f named.yml',
      1,
      /^error: a: .* is not in a git repository, and an image is built of a commit: git init/,
    ],
  ])('%s', async (_name, line, code, stderr) => {
    cli.write('empty/nothing.txt', '');
    cli.write('large.yml', '#'.repeat(5_000_000));
    cli.write('binary.yml', Buffer.from([0xc3, 0x28]) as never);
    cli.write('nameless.yml', 'processes: {web: {script: x}}\n');
    cli.write('named.yml', 'formation: a\nprocesses: {web: {script: x}}\n');
    const outcome = await gilliam(line);
    expect(outcome.code).toBe(code);
    if (typeof stderr === 'string') expect(outcome.stderr).toBe(stderr);
    else expect(outcome.stderr).toMatch(stderr);
  });

  test('a source without a commit', async () => {
    cli.write('gilliam.yml', web('shop'));
    cli.git(['init', '--quiet']);
    expect((await gilliam('apply')).stderr).toMatch(
      /^error: shop: .* has no commit yet, and an image is built of a commit: git add \. && git commit -m first\n$/,
    );
  });

  test('what is not committed is warned of, and the manifest is read as it lies there', async () => {
    system('.', web('shop'));
    await gilliam('apply --no-wait');
    cli.write('server.js', 'changed');
    cli.write('gilliam.yml', web('shop', '    env: {LEVEL: debug}\n'));
    const { stdout, stderr } = await gilliam('apply --no-wait');
    expect(stderr).toMatch(
      /^warning: shop: 1 file has uncommitted changes, which are not applied: HEAD is [0-9a-f]{7}\n$/,
    );
    expect(stdout).toContain('processes.web.env.LEVEL: debug');
  });
});

describe('types of one’s own', () => {
  const type = (name: string) =>
    `type: ${name}\nsummary: own\nversions: ['1']\nimage: {registry: x}\nports: 80\nurl: http://{host}:{port}/\n`;

  test('of the project, of a package that it depends on, and of the person', async () => {
    cli.write('gilliam.types/near.yml', type('near'));
    cli.write('package.json', '{"devDependencies": {"@acme/types": "1"}}');
    cli.write('node_modules/@acme/types/package.json', '{"gilliam": {"types": "types"}}');
    cli.write('node_modules/@acme/types/types/bought.yml', type('bought'));
    cli.write('../home/types/everywhere.yml', type('everywhere'));
    cli.write(
      'shop/gilliam.yml',
      'formation: shop\nauxiliary: {_a: {type: near}, _b: {type: bought}, _c: {type: everywhere}}\n',
    );
    cli.commit();
    const { code, stdout, stderr } = await gilliam('diff -f shop');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const name of ['near', 'bought', 'everywhere']) expect(stdout).toContain(`${name} 1`);
  });

  test('one that is wrong is told with its place', async () => {
    cli.write('gilliam.types/near.yml', `${type('near')}colour: red\n`);
    cli.write('gilliam.yml', 'formation: shop\nauxiliary: {_a: {type: near}}\n');
    cli.commit();
    expect((await gilliam('diff')).stderr).toMatch(/^error: gilliam\.types\/near\.yml:7:1: colour is no key/);
  });
});
