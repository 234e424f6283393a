import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseConfig, readConfig, stageKey, type StageConfig, writeConfig } from './config';
import { checkPorts, type ConfigWishes, decideConfig } from './new-config';
import { stagePaths } from './paths';
import { isPortFree, portsOfBlock } from './ports';
import { pickVirtualRange } from './virtual-range';

let env: NodeJS.ProcessEnv;
beforeEach(() => {
  env = { GILLIAM_DATA: mkdtempSync(join(tmpdir(), 'gilliam-test-')), PATH: process.env.PATH };
});
afterEach(() => rmSync(env.GILLIAM_DATA as string, { recursive: true }));

const none: ConfigWishes = { engineOwner: 'other', host: '127.0.0.1', rangesInUse: async () => [] };

function decide(stage: string, wishes: Partial<ConfigWishes> = {}): Promise<StageConfig> {
  const paths = stagePaths(stage, env);
  return decideConfig(paths, readConfig(paths.config), { ...none, ...wishes }, env);
}

async function up(stage: string, wishes: Partial<ConfigWishes> = {}): Promise<StageConfig> {
  const config = await decide(stage, wishes);
  writeConfig(stagePaths(stage, env).config, config);
  return config;
}

describe('what a stage is made of', () => {
  test('is kept once it is decided', async () => {
    const first = await up('one');
    expect(await decide('one')).toEqual(first);
  });

  test('shares neither ports nor virtual IPs with another stage, up or not', async () => {
    const [one, two] = [await up('one'), await up('two')];
    expect(two.ports.api).toBeGreaterThan(one.ports.dns);
    const ports = [one, two].flatMap(({ network }) => Object.values({ ...network?.routerPorts }));
    expect(new Set(ports).size).toBe(4);
    expect(two.network?.virtualRange).not.toBe(one.network?.virtualRange);
  });

  test('is open to others at the address that is wished for, and stays so', async () => {
    await up('one');
    expect(await up('one', { host: undefined, address: '10.0.0.1' })).toMatchObject({
      ...{ role: 'stage', address: '10.0.0.1' },
      executor: { host: '10.0.0.1' },
    });
    const later = await decide('one', { host: undefined });
    expect(later).toMatchObject({ address: '10.0.0.1', executor: { host: '10.0.0.1' } });
  });

  test('is that of the machine it has joined from, with ports and virtual IPs of its own', async () => {
    const joining = { id: '1f2e3d4c', api: '10.0.0.1:4410', baseImage: 'base', name: 'two' };
    const wishes = { host: undefined, address: '10.0.0.2', joining };
    const joined = await up('one', wishes);
    expect(joined).toMatchObject({
      ...{ role: 'executor', id: '1f2e3d4c', api: '10.0.0.1:4410', address: '10.0.0.2', baseImage: 'base' },
      executor: { name: 'two', host: '10.0.0.2' },
    });
    expect(stageKey(joined)).toBe('one-1f2e3d4c');
    expect(joined.network?.virtualRange).toBeDefined();
    expect(await decide('one', { host: undefined })).toEqual(joined);
    const elsewhere = { ...joining, api: '10.0.0.9:4410', name: undefined };
    expect(await decide('one', { ...wishes, joining: elsewhere })).toMatchObject({
      ...{ api: '10.0.0.9:4410', ports: joined.ports },
      executor: { name: 'two' },
    });
  });

  test('has a range that no rule on this machine has', async () => {
    const free = '198.18.48.0/20';
    const all = Array.from(
      { length: 32 },
      (_, index) => `198.${18 + (index >> 4)}.${(index % 16) * 16}.0/20`,
    );
    const rangesInUse = async () => all.filter((range) => range !== free);
    expect((await decide('one', { rangesInUse })).network?.virtualRange).toBe(free);
  });

  test('is completed for a stage of before there was networking', async () => {
    const { network: _, ...before } = await up('one', { port: 5510 });
    const old = parseConfig(JSON.stringify({ ...before, layout: 1, ports: { api: 5510 } }), 'stage.json');
    expect(old).toEqual({ ...before, ports: portsOfBlock(5510) });
    writeConfig(stagePaths('one', env).config, old);
    const after = await decide('one');
    expect(after).toMatchObject({ layout: 3, role: 'stage', id: before.id, ports: portsOfBlock(5510) });
    expect(after.network?.virtualRange).toBe(pickVirtualRange(stageKey(before), new Set()));
  });

  test('lets instances reach what was said last, and an up that says nothing opens nothing', async () => {
    const allow = (hosts: string | undefined) => {
      const paths = stagePaths('one', env);
      return decideConfig(paths, readConfig(paths.config), none, { ...env, GILLIAM_PROXY_ALLOW: hosts });
    };
    const asked = await allow('*.example.com');
    expect(asked.proxyAllow).toBe('*.example.com');
    writeConfig(stagePaths('one', env).config, asked);
    for (const nothing of [undefined, '']) expect((await allow(nothing)).proxyAllow).toBe('*.example.com');
    expect((await allow('*')).proxyAllow).toBe('*');
  });

  test('is what is wished for, and stays so', async () => {
    const routerPorts = { http: 5580, https: 5543 };
    await up('one', { httpPort: 5580, httpsPort: 5543 });
    expect((await decide('one')).network?.routerPorts).toEqual(routerPorts);
    expect((await decide('one', { httpPort: 5581 })).network?.routerPorts).toEqual({
      ...routerPorts,
      http: 5581,
    });
  });

  test.each<[string, Partial<ConfigWishes>]>([
    ['one port for both', { httpPort: 5580, httpsPort: 5580 }],
    ['the port of the resolver', { port: 5510, httpPort: 5513 }],
  ])('needs no port twice: %s', async (_, wishes) => {
    await expect(decide('one', wishes)).rejects.toThrow(/port 55\d\d twice: choose others with --port/);
  });
});

describe('ports that somebody else has', () => {
  const down = { controlplane: false, network: false, router: false };

  test.each<[string, (port: number) => Partial<ConfigWishes>, RegExp, keyof typeof down]>([
    ['the API’s', (port) => ({ port }), /for the API .* with --port$/, 'controlplane'],
    ['the registry’s', (port) => ({ port: port - 1 }), /for the service registry .* with --port$/, 'network'],
    ['the proxy’s', (port) => ({ port: port - 2 }), /for the proxy .* with --port$/, 'network'],
    ['the resolver’s', (port) => ({ port: port - 3 }), /for the resolver .* with --port$/, 'network'],
    ['the router’s', (httpPort) => ({ httpPort }), /the router for HTTP, .* with --http-port$/, 'router'],
    ['its other', (httpsPort) => ({ httpsPort }), /router for HTTPS, .* with --https-port$/, 'router'],
  ])('are named, with what to do: %s', async (_, wishes, message, component) => {
    const { server, port } = await listenAmongFree();
    try {
      const config = await decide('one', wishes(port));
      await expect(checkPorts(config, down)).rejects.toThrow(message);
      await checkPorts(config, { ...down, [component]: true });
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });
});

/** Somebody's port, with nobody on the three before and behind it: a stage's block may reach there. */
async function listenAmongFree(): Promise<{ server: Server; port: number }> {
  for (;;) {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const around = [-3, -2, -1, 1, 2, 3].map((distance) => isPortFree(port + distance));
    if ((await Promise.all(around)).every(Boolean)) return { server, port };
    await new Promise((resolve) => server.close(resolve));
  }
}
