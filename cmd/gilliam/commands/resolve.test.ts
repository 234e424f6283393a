import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type StageConfig, type StageRole, writeConfig } from '../../../pkg/stage/config';
import { pathsIn } from '../../../pkg/stage/paths';
import { portsOfBlock } from '../../../pkg/stage/ports';
import { eventually } from '../../../pkg/testing/api-harness';
import { SessionClient } from '../../../pkg/testing/session-client';
import { CliHarness, type RunOptions } from '../testing/cli-harness';

const known: Readonly<Record<string, object>> = {
  'web.shop.service': {
    name: 'web.shop.service',
    node: 'node-1',
    ageMs: 61_000,
    virtualIp: '198.18.16.7',
    endpoints: [
      {
        ...{ formation: 'shop', service: 'web', instance: '1', release: 'v2', executor: 'node-1' },
        ...{ host: '172.17.0.3', port: 8080, stale: false, ageMs: 1000 },
      },
      {
        ...{ formation: 'shop', service: 'web', instance: '2', release: 'v2', executor: 'node-2' },
        ...{ host: '10.0.0.2', port: 10_000, stale: true, ageMs: 61_000 },
      },
    ],
  },
  'api.shop.service': {
    name: 'api.shop.service',
    node: 'node-1',
    ageMs: 0,
    virtualIp: '198.18.16.8',
    endpoints: [
      {
        ...{ formation: 'shop', service: 'api', instance: '1', release: 'v2', executor: 'node-1' },
        ...{ host: '10.0.0.1', port: 0, stale: false, ageMs: 0 },
      },
    ],
  },
  '_cache.shop.service': {
    ...{ name: '_cache.shop.service', node: 'node-1', ageMs: 0 },
    endpoints: [
      {
        ...{ formation: 'shop', service: '_cache', instance: '1', release: 'v2', executor: 'node-1' },
        ...{ host: '10.0.0.1', port: 6379, stale: false, ageMs: 0 },
      },
    ],
  },
  'db.shop.service': { name: 'db.shop.service', node: 'node-1', ageMs: 0, endpoints: [] },
};

let cli: CliHarness;
let executor: SessionClient;
let node: Server;

beforeEach(async () => {
  node = createServer((request, response) => {
    const name = new URL(request.url ?? '', 'http://node').searchParams.get('name') ?? '';
    const answer = known[name];
    response.writeHead(answer ? 200 : 404, { 'content-type': 'application/json' });
    response.end(
      JSON.stringify(
        answer ?? {
          error: `there is no ${name}: did you mean "web.shop.service"?`,
          nearest: ['web.shop.service'],
        },
      ),
    );
  });
  await new Promise<void>((resolve) => node.listen(0, '127.0.0.1', resolve));
  cli = await CliHarness.start();
  await gilliam('create shop');
  executor = new SessionClient(cli.api.connect({ token: 'executor-token' }), 'node-1', {
    registryAddress: `127.0.0.1:${(node.address() as AddressInfo).port}`,
  });
  await eventually(async () => expect((await gilliam('resolve web')).code).toBe(0));
});
afterEach(async () => {
  await executor.abort();
  await cli.close();
  node.closeAllConnections();
  await new Promise((resolve) => node.close(resolve));
});

const gilliam = (line: string, options?: RunOptions) => cli.gilliam(line, options);

describe('resolve', () => {
  test('says where the service is, how old that is, and who says so', async () => {
    const expected =
      'web.1 v2 at 172.17.0.3:8080 on node-1 (just now)\n' +
      'web.2 v2 at 10.0.0.2:10000 on node-2 stale (1 minute ago)\n' +
      'from node node-1, heard 1 minute ago, virtual IP 198.18.16.7\n';
    for (const line of ['resolve web', 'resolve web.shop.service', 'resolve web --executor node-1']) {
      expect(await gilliam(line)).toEqual({ code: 0, stdout: expected, stderr: '' });
    }
    const json = JSON.parse((await gilliam('resolve web --json')).stdout) as object;
    // Ages are numbers, as a node tells them.
    expect(json).toMatchObject({
      ...{ node: 'node-1', virtualIp: '198.18.16.7', ageMs: 61_000 },
      endpoints: [
        { service: 'web', instance: '1', ageMs: 1000 },
        { instance: '2', ageMs: 61_000 },
      ],
    });
  });

  test('says of an instance without a port that it has none', async () => {
    expect((await gilliam('resolve api')).stdout).toBe(
      'api.1 v2 has no port on node-1 (just now)\nfrom node node-1, heard just now, virtual IP 198.18.16.8\n',
    );
  });

  test('says what an import stands for, and with whom an auxiliary service is shared', async () => {
    const { formations } = cli.api.client;
    await formations.createFormation({ formation: { metadata: { name: 'blog' } } });
    await formations.updateFormation({
      formation: { metadata: { name: 'blog' }, spec: { imports: { users: 'web.shop' } } },
      updateMask: ['imports'],
    });
    const imported = await gilliam('resolve users.blog.service');
    expect(imported.stdout).toMatch(/^an import: it stands for web.shop.service\nweb.1 v2 at /);
    expect((await gilliam('resolve _cache')).stdout).toMatch(/\nshop's own: shared with nobody\n$/);
    await gilliam('share _cache --with blog');
    expect((await gilliam('resolve _cache')).stdout).toMatch(/\nshared with blog\n$/);
  });

  test.each<[string, string, number, RegExp]>([
    ['a full name without its end', 'resolve api.shop', 1, /did you mean api.shop.service\?/],
    ['a short name with a dot, of no formation', 'resolve v9.web', 1, /: did you mean "web.shop.service"\?/],
    ['no name', 'resolve', 2, /NAME is missing/],
    ['a name that is none', 'resolve a.b.c.d', 2, /"a.b.c.d" is not a service's name/],
    ['a short name outside of a formation', 'resolve web', 2, /is not a full name: write web.shop.service/],
    ['an unknown name', 'resolve wbe', 1, /wbe\.shop\.service.*web\.shop\.service/],
    ['a service without instances', 'resolve db', 1, /db.shop.service has no instance to reach/],
    ['an unknown executor', 'resolve web --executor node-7', 1, /"node-7"/],
  ])('%s is refused in one line', async (what, line, code, message) => {
    const outcome = await gilliam(line, what.includes('outside') ? { cwd: '../nowhere' } : {});
    expect(outcome.stderr).toMatch(message);
    expect(outcome).toMatchObject({ code, stdout: '' });
    expect(outcome.stderr.trim().split('\n')).toHaveLength(1);
  });
});

describe('invariant 6: resolve while the control plane is away', () => {
  const away = `{"stage": "gone", "api": "127.0.0.1:1", "token": "${'t'.repeat(43)}"}`;
  const ask = (line: string) =>
    gilliam(`resolve ${line} --stage gone`, { env: { GILLIAM_DATA: join(cli.directory, 'data') } });
  const note =
    'warning: the control plane of stage "gone" does not answer at 127.0.0.1:1: gilliam up; ' +
    "one has answered, this machine's own node of the registry\n";

  beforeEach(() => {
    const stages = join(cli.directory, 'home', 'stages');
    mkdirSync(stages, { recursive: true });
    writeFileSync(join(stages, 'gone.json'), away);
  });

  function machineWithNode({
    port = (node.address() as AddressInfo).port,
    role = 'stage',
  }: { port?: number; role?: StageRole } = {}): void {
    const config: StageConfig = {
      ...{ layout: 3, role, stage: 'gone', id: '1f2e3d4c', etcdBinary: 'etcd', hostPortBase: 10_000 },
      ...{ ports: { ...portsOfBlock(4410), registry: port }, executor: { name: 'one', host: 'one' } },
      ...{ engine: { owner: 'other' }, baseImage: 'base' },
      network: { routerPorts: { http: 8080, https: 8443 }, virtualRange: '198.18.16.0/20' },
    };
    writeConfig(pathsIn(join(cli.directory, 'data', 'gone'), 'gone').config, config);
  }

  test('this machine’s node answers, and stderr says so', async () => {
    machineWithNode();
    const expected = (await gilliam('resolve web')).stdout;
    expect(await ask('web')).toEqual({ code: 0, stdout: expected, stderr: note });
    expect(await ask('web --executor one')).toEqual({ code: 0, stdout: expected, stderr: note });
    const { stdout, stderr } = await ask('web --json');
    expect(JSON.parse(stdout)).toEqual(JSON.parse((await gilliam('resolve web --json')).stdout));
    expect(stderr).toBe(note);
  });

  test('a machine that has joined has no token for people, and answers all the same', async () => {
    machineWithNode({ role: 'executor' });
    rmSync(join(cli.directory, 'home', 'stages', 'gone.json'));
    const { code, stdout, stderr } = await ask('web');
    expect({ code, stdout }).toEqual({ code: 0, stdout: (await gilliam('resolve web')).stdout });
    expect(stderr).toMatch(
      /^warning: this machine is an executor of stage "gone", and [^\n]*; one has answered,/,
    );
  });

  test('a name that the node does not know is unknown', async () => {
    machineWithNode();
    const { code, stdout, stderr } = await ask('wbe');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toBe(`${note}error: there is no wbe.shop.service: did you mean "web.shop.service"?\n`);
  });

  test.each<[string, () => void, string]>([
    ['a machine without a node', () => {}, 'web'],
    ['a node that is away, too', () => machineWithNode({ port: 1 }), 'web'],
    ['another executor’s node', () => machineWithNode(), 'web --executor two'],
  ])('%s cannot answer', async (_which, prepare, line) => {
    prepare();
    const { code, stdout, stderr } = await ask(line);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(
      /^error: the control plane of stage "gone" does not answer at 127\.0\.0\.1:1: [^\n]*\n$/,
    );
  });
});

describe('announce-token', () => {
  test('prints a token of the formation', async () => {
    const { stdout, code } = await gilliam('announce-token');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^shop\.[0-9a-f]{64}\n$/);
    expect(JSON.parse((await gilliam('announce-token --json')).stdout)).toEqual({
      formation: 'shop',
      token: stdout.trim(),
    });
  });

  test.each<[string, number, RegExp]>([
    ['announce-token --formation nope', 1, /"nope" does not exist/],
    ['announce-token more', 2, /does not take "more"/],
  ])('%s is refused', async (line, code, message) => {
    const outcome = await gilliam(line);
    expect(outcome.stderr).toMatch(message);
    expect(outcome).toMatchObject({ code, stdout: '' });
  });
});

describe('routes to services that are not there', () => {
  test('are made all the same, with a warning', async () => {
    const outcome = await gilliam('route a.com wbe');
    expect(outcome).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('a.com → wbe.shop.service') as string,
    });
    expect(outcome.stderr).toBe(
      'warning: the route answers 503 for now: there is no wbe.shop.service: did you mean "web.shop.service"?\n',
    );
    expect((await gilliam('route b.com wbe --plan')).stderr).toMatch(/^warning: .* there is no wbe/);
    expect(await gilliam('route --test a.com')).toEqual({
      code: 0,
      stdout: 'route: shop/a-com (a.com)\nupstream: GET / to wbe.shop.service\n',
      stderr:
        'warning: the router answers 503 for now: there is no wbe.shop.service: did you mean "web.shop.service"?\n',
    });
    for (const line of [
      'route c.com web',
      'route d.com db',
      'route e.com/{a} {a}.shop.service',
      'route f.com --redirect /x',
    ]) {
      expect(await gilliam(line)).toMatchObject({ code: 0, stderr: '' });
    }
    expect((await gilliam('route --test e.com/wbe')).stderr).toMatch(
      /^warning: the router answers 404 for now: /,
    );
    expect((await gilliam('route --test e.com/web')).stderr).toBe('');
  });

  test('and so are imports of them', async () => {
    await gilliam('create blog', { cwd: '../blog' });
    expect(await gilliam('import users=wbe.shop mails=web.shop --formation blog')).toEqual({
      code: 0,
      stdout: 'imported wbe.shop as users\nimported web.shop as mails\n',
      stderr:
        'warning: users leads nowhere for now: there is no wbe.shop.service: did you mean "web.shop.service"?\n',
    });
  });

  test('and shares of releases that do not exist', async () => {
    await cli.api.client.releases.createRelease({
      parent: 'formations/shop',
      spec: { image: `sha256:${'1'.repeat(64)}`, processes: { web: { command: ['serve'] } } },
    });
    const { code, stderr } = await gilliam('route a.com web --weight v1=90 --weight v7=10');
    expect(code).toBe(0);
    expect(stderr).toMatch(/^warning: --weight: [^\n]* has no release v7: [^\n]*\n$/);
    expect((await gilliam('route --test http://a.com/')).stdout).toContain('\nweights: v1=90 v7=10\n');
  });

  test('are told of by routes', async () => {
    for (const line of [
      'route a.com web',
      'route b.com db',
      'route c.com wbe',
      'route d.com --redirect /x',
    ]) {
      await gilliam(`${line} --name ${line.charAt(6)}`);
    }
    await gilliam('route {x}.com {x}.shop.service --name x');
    const rows = (await gilliam('routes')).stdout.trim().split('\n');
    expect(rows.map((row) => [row.split('\t')[0], row.split('\t')[3]])).toEqual([
      ['a', 'ready'],
      ['b', 'no instance'],
      ['c', 'no service'],
      ['d', '-'],
      ['x', '-'],
    ]);
    const json = JSON.parse((await gilliam('routes --json')).stdout) as { state?: string }[];
    expect(json.map(({ state }) => state)).toEqual([
      'ready',
      'no instance',
      'no service',
      undefined,
      undefined,
    ]);
  });
});

test('a host of a pattern means the same in upper case', async () => {
  expect(await gilliam('route MyApp.COM/Path web --name one')).toMatchObject({ code: 0 });
  expect((await gilliam('route --test http://myapp.com/Path')).stdout).toContain('route: shop/one');
  expect((await gilliam('route myapp.com/Path web --name two')).code).toBe(1);
});
