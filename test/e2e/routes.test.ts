import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ask } from './ask';
import { StageHarness } from './harness';

const web = `
const { GILLIAM_SERVICE: service, GILLIAM_RELEASE: release, PORT } = process.env;
require('node:http').createServer((request, response) => {
  response.end(JSON.stringify({ service, release, url: request.url }));
}).listen(PORT);
process.on('SIGTERM', () => process.exit(0));
`;

interface Config {
  readonly ports: { readonly registry: number };
  readonly network: { readonly routerPorts: { readonly http: number } };
}

interface Resolved {
  readonly endpoints: readonly { readonly instance: string; readonly host: string; readonly port: number }[];
}

interface TestedRoute {
  readonly service: string;
  readonly path: string;
  readonly variables: Readonly<Record<string, string>>;
}

// One machine, as `gilliam up` makes it: routes made by the command line, and asked by what a browser would send.
describe('routes of a stage', () => {
  let stage: StageHarness;
  let cwd: string;
  let config: Config;
  let token = '';
  let forgotten: Promise<number>;

  beforeAll(async () => {
    stage = await StageHarness.start({ hostPortBase: 12_900 });
    config = JSON.parse(readFileSync(join(stage.data, 'stage.json'), 'utf8')) as Config;
    cwd = await stage.app('hello', {
      Procfile: 'web: node web.js\napi: node web.js $PORT\n',
      'package.json': '{"name":"hello","version":"1.0.0","private":true}',
      'web.js': web,
    });
    await stage.succeed(['create', 'hello'], { cwd });
    await stage.succeed(['deploy'], { cwd });
    await stage.succeed(['scale', 'web=2', 'api=1', '--wait'], { cwd });
    [token = ''] = await stage.lines(['announce-token'], { cwd });
    await announce('/hello/_late.1', '{"host": "10.1.2.3", "port": 5432}');
    expect(await isThere('_late')).toBe(true);
    // Its liveness time passes while others are tested.
    forgotten = stage.until('it is forgotten', async () => !(await hasEndpoints('_late')), 45_000);
    forgotten.catch(() => {});
  });
  afterAll(() => stage?.stop());

  const at = (path: string) => `http://127.0.0.1:${config.ports.registry}${path}`;
  const announce = (path: string, body: string, bearer = token) =>
    ask(at(path), { method: 'PUT', body, headers: { authorization: `Bearer ${bearer}` } });
  const isThere = async (service: string) =>
    (await stage.gilliam(['resolve', `${service}.hello.service`], { cwd })).code === 0;
  /** The same, as programs ask. */
  const hasEndpoints = async (service: string) => {
    const { body } = await ask(at(`/-/resolve?name=${service}.hello.service`));
    return (JSON.parse(body) as Resolved).endpoints.length > 0;
  };

  const routed = (host: string, path = '/', headers: Record<string, string> = {}) =>
    ask(`http://127.0.0.1:${config.network.routerPorts.http}${path}`, { headers: { host, ...headers } });
  const answeredBy = async (host: string, path?: string) => {
    const { status, body } = await routed(host, path);
    return status === 200 ? (JSON.parse(body) as { service: string; url: string }) : { status };
  };

  test('gilliam route leads a host to a service, and prints a URL that answers', async () => {
    const said = await stage.lines(['route', 'hello.localhost', 'web.hello.service'], { cwd });
    const url = said.at(-1) ?? '';
    expect(url).toMatch(/^http:\/\/hello\.localhost:\d+\/$/);
    await stage.until('the router answers', async () => {
      const { code, stdout } = await stage.run('curl', ['--silent', '--fail', `${url}some/path?x=1`]);
      return code === 0 && (JSON.parse(stdout) as { url: string }).url === '/some/path?x=1';
    });
  });

  test('variables of the pattern go into the target, and the most specific route wins', async () => {
    await stage.succeed(['route', 'hello.localhost/user/{name}', 'api.hello.service/{name}'], { cwd });
    await stage.succeed(['route', '{which}.apps.localhost/x/{rest:.*}', '{which}.hello.service/{rest}'], {
      cwd,
    });
    await stage.until('the router has the routes', async () => {
      return (await routed('web.apps.localhost', '/x/')).status === 200;
    });
    expect(await answeredBy('hello.localhost', '/user/ada?x=1')).toMatchObject({
      service: 'api',
      url: '/ada?x=1',
    });
    expect(await answeredBy('hello.localhost', '/user')).toMatchObject({ service: 'web', url: '/user' });
    expect(await answeredBy('web.apps.localhost', '/x/a/b')).toMatchObject({ service: 'web', url: '/a/b' });
    expect(await answeredBy('api.apps.localhost', '/x/a/b')).toMatchObject({ service: 'api', url: '/a/b' });
    expect(await answeredBy('nobody.localhost')).toEqual({ status: 404 });
  });

  test('gilliam routes lists them in the order in which they are tried', async () => {
    const patterns = (await stage.lines(['routes'], { cwd })).map((line) => line.split(/\s+/)[1]);
    expect(patterns).toEqual([
      'hello.localhost/user/{name}',
      'hello.localhost',
      '{which}.apps.localhost/x/{rest:.*}',
    ]);
  });

  test('gilliam route --test says what the router does', async () => {
    const url = 'http://web.apps.localhost/x/a%20b?c';
    const tested = await stage.json<TestedRoute>(['route', '--test', url], { cwd });
    expect(tested).toMatchObject({
      service: 'web.hello.service',
      path: '/a%20b?c',
      variables: { which: 'web', rest: 'a%20b' },
    });
    expect(await answeredBy('web.apps.localhost', '/x/a%20b?c')).toMatchObject({
      service: 'web',
      url: '/a%20b?c',
    });
    const refused = await stage.gilliam(['route', '--test', 'http://nobody.localhost/'], { cwd });
    expect(refused.code).toBe(1);
    expect(refused.stderr.trim().split('\n').at(-1)).toMatch(/no route matches/);
  });

  test.each([
    ['that does not compile', ['{a}{b}.localhost/{a}', 'web'], /twice|\{a\}/],
    [
      'that matches what another does',
      ['hello.localhost/user/{other}', 'web', '--name', 'second'],
      /user|matches/,
    ],
    ['whose expression could run away', ['hello.localhost/{x:(a+)+b}', 'web'], /could run away/],
    ['to a service that cannot be', ['hello.localhost/y', 'We!b'], /We!b/],
  ])('a route %s is refused in one line', async (_what, args, why) => {
    const { code, stderr } = await stage.gilliam(['route', ...args], { cwd });
    expect([1, 2]).toContain(code);
    expect(stderr.trim().split('\n').at(-1)).toMatch(why);
  });

  test('a route that is removed leads nowhere, and the next one is taken', async () => {
    const [first] = await stage.json<{ metadata: { name: string } }[]>(['routes'], { cwd });
    await stage.succeed(['route', '-d', first?.metadata.name ?? ''], { cwd });
    await stage.until('the router has forgotten it', async () => {
      const answer = await answeredBy('hello.localhost', '/user/ada');
      return 'service' in answer && answer.service === 'web';
    });
  });

  test('gilliam resolve shows where a service is', async () => {
    const { endpoints } = await stage.json<Resolved>(['resolve', 'web'], { cwd });
    expect(endpoints.map(({ instance }) => instance).sort()).toEqual(['1', '2']);
    const unknown = await stage.gilliam(['resolve', 'wbe'], { cwd });
    expect(unknown.code).toBe(1);
    expect(unknown.stderr).toMatch(/web/);
  });

  describe('something outside Gilliam', () => {
    test('gets a name by announcing itself, and loses it when it withdraws', async () => {
      const made = await announce('/hello/_db.1', '{"host": "10.1.2.3", "port": 5432}');
      expect(made.status).toBeLessThan(300);
      const { endpoints } = await stage.json<Resolved>(['resolve', '_db.hello.service'], { cwd });
      expect(endpoints).toMatchObject([{ instance: '1', host: '10.1.2.3', port: 5432 }]);
      const gone = await ask(at('/hello/_db.1'), {
        method: 'DELETE',
        headers: { authorization: `Bearer ${token}` },
      });
      expect(gone.status).toBeLessThan(300);
      expect(await isThere('_db')).toBe(false);
    });

    test('is refused for what is not its own, and for what is no announcement', async () => {
      const body = '{"host": "10.1.2.3", "port": 1}';
      const refused = async (path: string, text: string, bearer?: string) =>
        (await announce(path, text, bearer)).status;
      expect(await refused('/hello/_db.1', body, 'hello.0000')).toBe(401);
      expect(await refused('/other/_db.1', body)).toBe(403);
      // An instance that the agent has announced.
      expect(await refused('/hello/web.1', body)).toBe(403);
      expect(await refused('/hello/_db.1', '[1]')).toBe(400);
      expect(await refused('/hello/_db.1', 'no json')).toBe(400);
      expect(await refused('/hello/%2e%2e%2fother.1', body)).toBeGreaterThanOrEqual(400);
      expect(await refused('/hello/_db.1', JSON.stringify({ text: 'x'.repeat(2 ** 20) }))).toBe(413);
    });

    test('is forgotten when it does not say for the liveness time that it is there', async () => {
      expect(await forgotten).toBeGreaterThan(20_000);
      expect(await isThere('_late')).toBe(false);
    });
  });
});
