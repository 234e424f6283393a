import { readStageFile, writeStageFile } from '../../../pkg/stage/stage-file';
import { CliHarness, type RunOptions } from '../testing/cli-harness';

let cli: CliHarness;
beforeEach(async () => {
  cli = await CliHarness.start();
  cli.routerAt({ http: 8080, https: 8443 });
  await gilliam('create shop');
});
afterEach(() => cli.close());

const gilliam = (line: string, options?: RunOptions) => cli.gilliam(line, options);
const names = async () => {
  const { stdout } = await gilliam('routes');
  return stdout.split('\n').flatMap((line) => line.split('\t')[0] || []);
};

describe('route', () => {
  test('makes a route and prints where it answers', async () => {
    expect(await gilliam('route myapp.com/user/{rest:.*} web.shop.service/{rest} --name user')).toEqual({
      code: 0,
      stdout:
        'route user created: myapp.com/user/{rest:.*} → web.shop.service/{rest}\nhttp://myapp.com:8080/user/\n',
      stderr: '',
    });
    expect(await names()).toEqual(['user']);
  });

  test('short names are those of the directory’s formation', async () => {
    expect((await gilliam('route myapp.com web')).stdout).toContain('myapp.com → web.shop.service\n');
  });

  test('no URL where the stage’s router is not known, or variables leave it open', async () => {
    expect((await gilliam('route {a}.myapp.com web --name one')).stdout).toBe(
      'route one created: {a}.myapp.com → web.shop.service\n',
    );
    expect((await gilliam('route myapp.com/user/{name} web --name three')).stdout).toBe(
      'route three created: myapp.com/user/{name} → web.shop.service\n',
    );
    cli.routerAt(undefined);
    expect((await gilliam('route myapp.com web --name two')).stdout).toBe(
      'route two created: myapp.com → web.shop.service\n',
    );
  });

  test('replaces the route of the same pattern and match, and says so', async () => {
    await gilliam('route myapp.com web --name home');
    expect((await gilliam('route myapp.com api')).stdout).toMatch(
      /^route home updated: myapp.com → api.shop.service\n/,
    );
    expect((await gilliam('route myapp.com api')).stdout).toMatch(/^route home is this already: /);
    expect((await gilliam('route myapp.com api --method GET --name read')).stdout).toMatch(
      /^route read created/,
    );
    expect((await gilliam('route myapp.com web --method GET')).stdout).toMatch(/^route read updated/);
    // It is tried after the one above, and is another all the same.
    expect((await gilliam('route myapp.com web')).stdout).toMatch(/^route home updated/);
    // By its name, what it matches can be changed.
    expect((await gilliam('route myapp.com web --method POST --name read')).stdout).toMatch(
      /^route read updated/,
    );
    expect(await names()).toEqual(['read', 'home']);
  });

  test('does not give the name of a route to another pattern', async () => {
    await gilliam('route myapp.com web --name home');
    expect(await gilliam('route other.com web --name home')).toEqual({
      code: 1,
      stdout: '',
      stderr:
        'error: route "home" of shop is for myapp.com: give another --name, or remove it first with "gilliam route -d home"\n',
    });
  });

  test('is of the formation that is named, else of the directory, else of the target', async () => {
    const elsewhere = { cwd: '../elsewhere' };
    await gilliam('create other', elsewhere);
    await gilliam('route a.com web.other.service --name a');
    await gilliam('route b.com web.shop.service --name b -f other');
    await gilliam('route c.com web.other.service --name c', { cwd: '../nowhere' });
    expect(await gilliam('route d.com web', { cwd: '../nowhere' })).toMatchObject({ code: 2 });
    const all = (await gilliam('routes -A')).stdout.trim().split('\n');
    expect(all.map((line) => line.split('\t').slice(0, 2).join('/')).sort()).toEqual([
      'other/b',
      'other/c',
      'shop/a',
    ]);
  });

  test('--plan changes nothing', async () => {
    expect((await gilliam('route myapp.com web --name home --plan')).stdout).toBe(
      'would create route home: myapp.com → web.shop.service\n',
    );
    expect(await names()).toEqual([]);
    await gilliam('route myapp.com web --name home');
    expect((await gilliam('route myapp.com api --plan')).stdout).toBe(
      'would update route home: myapp.com → api.shop.service\n',
    );
    expect((await gilliam('route -d home --plan')).stdout).toBe('would remove route home\n');
    expect((await gilliam('routes')).stdout).toContain('web.shop.service');
  });

  test('--tls takes certificates from files, and gives no key away', async () => {
    const { stdout, code } = await gilliam('route myapp.com web --tls dev --json');
    expect(code).toBe(0);
    expect(stdout).not.toContain('PRIVATE KEY');
    expect(JSON.parse(stdout)).toMatchObject({ url: 'https://myapp.com:8443/' });
    expect(await gilliam('route b.com web --tls a.pem,b.pem')).toMatchObject({
      code: 2,
      stderr:
        'error: --tls: a.pem cannot be read: there is no such file: give two files in PEM, as in --tls CERTIFICATE.pem,KEY.pem\n',
    });
    expect((await gilliam('route b.com web --tls .,b.pem')).stderr).toMatch(
      /^error: --tls: \. cannot be read: it is a directory: give two files in PEM/,
    );
    cli.write('a.pem', 'nonsense');
    expect(await gilliam('route b.com web --tls a.pem,a.pem')).toMatchObject({ code: 1, stdout: '' });
  });

  test('-d removes one, and says which there are', async () => {
    await gilliam('route myapp.com web --name home');
    const wrong = await gilliam('route -d hme');
    expect(wrong).toMatchObject({ code: 1, stdout: '' });
    expect(wrong.stderr).toMatch(/^error: .*did you mean "home"\?\n$/);
    expect(await gilliam('route -d shop/home', { cwd: '../nowhere' })).toEqual({
      code: 0,
      stdout: 'route home removed\n',
      stderr: '',
    });
    expect(await names()).toEqual([]);
  });

  test.each<[string, string, number, RegExp]>([
    ['nothing at all', 'route', 2, /PATTERN and TARGET are missing/],
    ['no target', 'route myapp.com', 2, /TARGET is missing/],
    ['too many words', 'route a.com web more', 2, /route does not take "more"/],
    ['a flag that is none', 'route a.com web --methd GET', 2, /did you mean --method\?/],
    ['a target and a redirect', 'route a.com web --redirect /x', 2, /do not go together/],
    [
      'a code without a redirect',
      'route a.com web --code 301',
      2,
      /^error: --code needs --redirect: gilliam route --help$/m,
    ],
    ['a code that is none', 'route a.com --redirect /x --code 299', 1, /299/],
    ['a pattern that does not compile', 'route a.com/{x web', 1, /\{|brace|pattern/i],
    ['a scheme', 'route http://a.com web', 1, /scheme/],
    ['an expression that could run away', 'route a.com/{x:(a+)+} web', 1, /run away|backtrack|expression/i],
    ['a variable that is not in the pattern', 'route a.com web/{x}', 1, /"?\{?x/],
    ['a target that is no service', 'route a.com No!', 1, /service/],
    ['an unknown formation', 'route a.com web -f nope', 1, /"nope" does not exist/],
    ['a name that is none', 'route a.com web --name A_b', 1, /"A_b" is not allowed/],
    ['a negative number of retries', 'route a.com web --retries -1', 2, /retries/],
    ['a wrong method', 'route a.com web --method G=T', 2, /is not a method/],
    ['--test and a pattern', 'route --test http://a.com b.com', 2, /--test takes no pattern/],
    [
      '--test and a flag of a route',
      'route --test http://a.com --retries 1',
      2,
      /--retries does not go with --test/,
    ],
    ['--test of no URL', 'route --test ftp://a.com', 2, /"ftp:\/\/a.com" is not a URL/],
    ['--test with two methods', 'route --test a.com --method GET --method PUT', 2, /one method/],
    ['--test with a header that is none', 'route --test a.com --header X', 2, /--header "X" is not a header/],
    ['--delete and a flag of a route', 'route -d a --sticky', 2, /--sticky does not go with --delete/],
    ['--delete without a name', 'route -d shop/', 2, /takes the name of a route/],
    ['--delete of what is not there', 'route -d a', 1, /"a"/],
  ])('%s is refused in one line', async (_what, line, code, message) => {
    const outcome = await gilliam(line);
    expect(outcome.stderr).toMatch(message);
    expect(outcome).toMatchObject({ code, stdout: '' });
    expect(outcome.stderr.trim().split('\n')).toHaveLength(1);
    expect(outcome.stderr).not.toMatch(/undefined|\[object/);
    expect(await names()).toEqual([]);
  });

  test('what another route matches already is refused, and which', async () => {
    await gilliam('create other', { cwd: '../elsewhere' });
    await gilliam('route myapp.com/{a} web --name home');
    const outcome = await gilliam('route myapp.com/{b} web', { cwd: '../elsewhere' });
    expect(outcome).toMatchObject({ code: 1, stdout: '' });
    expect(outcome.stderr).toMatch(/^error: .*home.*\n$/);
  });
});

describe('route --test', () => {
  beforeEach(async () => {
    await gilliam('route myapp.com/user/{username} web.user.service/{username} --name user');
    await gilliam('route old.com/{rest:.*} --redirect https://myapp.com/{rest} --code 301 --name old');
    await gilliam('route myapp.com/admin web --method POST --name admin');
  });

  test('says which route, and what the service gets', async () => {
    expect(await gilliam('route --test http://myapp.com/user/ada?x=1')).toEqual({
      code: 0,
      stdout:
        'route: shop/user (myapp.com/user/{username})\n' +
        'variable: username = ada\n' +
        'upstream: GET /ada?x=1 to web.user.service\n',
      stderr: '',
    });
    const json = JSON.parse((await gilliam('route --test myapp.com/user/ada --json')).stdout) as object;
    expect(json).toMatchObject({ service: 'web.user.service', path: '/ada', variables: { username: 'ada' } });
  });

  test('says where a redirect leads to', async () => {
    expect((await gilliam('route --test http://old.com/a/b')).stdout).toContain(
      'redirect: 301 https://myapp.com/a/b\n',
    );
  });

  test('takes the method and headers of the request', async () => {
    expect((await gilliam('route --test myapp.com/admin --method post')).stdout).toContain('shop/admin');
    expect(await cli.run(['route', '--test', 'myapp.com/admin', '--header', 'X-A: b'])).toMatchObject({
      code: 1,
    });
  });

  test('says what is nearest when there is none, and exits with 1', async () => {
    const outcome = await gilliam('route --test http://myap.com/user/ada');
    expect(outcome).toMatchObject({ code: 1, stdout: '' });
    expect(outcome.stderr).toMatch(
      /^error: no route matches http:\/\/myap.com\/user\/ada: .*myapp\.com.*\n$/,
    );
    const json = await gilliam('route --test http://myap.com/user/ada --json');
    expect(JSON.parse(json.stdout)).toMatchObject({ error: { code: 'NOT_FOUND' } });
  });
});

describe('routes', () => {
  test('are listed in the order in which they are tried, with all that they do', async () => {
    await gilliam('route myapp.com web --name all');
    await gilliam('route myapp.com/user/{username} web --name user --weight v2=90 --weight v3=10');
    await gilliam('route myapp.com/user/{username} api --name change --method PUT --timeout 5s');
    await gilliam('route {a}.com web --name any');
    const rows = (await gilliam('routes')).stdout.trim().split('\n');
    expect(rows.map((row) => row.split('\t'))).toEqual([
      ['change', 'myapp.com/user/{username}', 'api.shop.service', '-', 'PUT', 'timeout 5s'],
      ['user', 'myapp.com/user/{username}', 'web.shop.service', '-', '-', 'v2=90 v3=10'],
      ['all', 'myapp.com', 'web.shop.service', '-', '-', '-'],
      ['any', '{a}.com', 'web.shop.service', '-', '-', '-'],
    ]);
    const { stdout, stderr } = await gilliam('routes -A', { terminal: true });
    expect(stdout).toMatch(/^FORMATION {2}NAME {4}PATTERN {20}TARGET/);
    expect(stderr).toBe('next: gilliam route --test http://myapp.com:8080/\n');
    const json = JSON.parse((await gilliam('routes --json')).stdout) as { metadata: { name: string } }[];
    expect(json.map(({ metadata }) => metadata.name)).toEqual(['change', 'user', 'all', 'any']);
  });

  test('of a formation only, unless asked for all; a hint where there are none', async () => {
    await gilliam('create other', { cwd: '../elsewhere' });
    await gilliam('route myapp.com web --name home');
    expect((await gilliam('routes --formation other')).stdout).toBe('');
    expect((await gilliam('routes --formation other', { terminal: true })).stderr).toBe(
      'next: gilliam route myapp.com web.other.service\n',
    );
    expect(await gilliam('routes --formation nope')).toMatchObject({ code: 1, stdout: '' });
    expect(await gilliam('routes', { cwd: '../nowhere' })).toMatchObject({ code: 2, stdout: '' });
  });

  test('are what ps hints at', async () => {
    await cli.api.client.releases.createRelease({
      parent: 'formations/shop',
      spec: { image: `sha256:${'1'.repeat(64)}`, processes: { web: { command: ['serve'] } } },
    });
    await cli.running(1, 'v1');
    expect((await gilliam('ps', { terminal: true })).stderr).toBe('');
    await gilliam('route shop.localhost web');
    expect((await gilliam('ps', { terminal: true })).stderr).toBe('next: curl http://shop.localhost:8080/\n');
    expect((await gilliam('ps')).stderr).toBe('');
  });

  test('are completed', async () => {
    await gilliam('route myapp.com web --name home');
    expect((await cli.run(['__complete', '--', 'route', '-d', ''])).stdout).toBe('home\n');
  });
});

test('the stage file keeps where the router is', () => {
  const env = { GILLIAM_HOME: cli.directory };
  const file = { stage: 'x', api: 'a:1', token: 't', router: { http: 80, https: 443 } };
  writeStageFile(file, env);
  expect(readStageFile('x', env)).toEqual(file);
});
