import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type KeyPair, makeAuthority } from '../../pkg/certificates/certificate';
import { formatInvitation, parseInvitation } from '../../pkg/stage/invitation';
import { whoAnswers } from './ask';
import { root } from './cli';
import { StageHarness } from './harness';
import { Host } from './host';
import { HostNetwork } from './host-network';
import { JoinedMachine } from './joined-machine';

interface Status {
  readonly role: string;
  readonly up: boolean;
  readonly components: readonly {
    readonly name: string;
    readonly healthy: boolean;
    readonly virtualIps?: { readonly reason: string };
  }[];
}

const source = join(root, 'test/e2e/networked-app');
const routed = 'web.test';
const everyWeb = ['web.1', 'web.2', 'web.3', 'web.4'];

// This machine is the stage's home; the other is a network namespace with a Docker Engine of its own.
describe('a machine that joins a stage', () => {
  const home = StageHarness.prepare({ hostPortBase: 13_400 });
  let network: HostNetwork;
  let other: JoinedMachine;
  let cwd = '';
  let invitation = '';
  let before: Readonly<Record<string, string>> = {};
  let stranger: KeyPair;

  beforeAll(async () => {
    stranger = await makeAuthority({ title: 'another stage', now: new Date(), days: 1 });
    await Host.sweep({ own: false });
    network = await HostNetwork.create(1);
    other = new JoinedMachine(network, 1, home.stage);
    await Promise.all([home.up({ host: network.gateway }), other.start()]);
    const files = readdirSync(source).map((name) => [name, readFileSync(join(source, name), 'utf8')]);
    cwd = await home.app('shop', Object.fromEntries(files) as Record<string, string>);
    await home.succeed(['create', 'shop'], { cwd });
    await home.succeed(['deploy'], { cwd, timeoutMs: 180_000 });
    await home.succeed(['scale', 'web=1', '--wait'], { cwd });
    await home.succeed(['route', `${routed}/`, 'web.shop.service'], { cwd });
    before = await home.containerStarts();
  });
  afterAll(async () => {
    await other?.stop();
    await home.stop();
    await network?.close();
    await Host.sweep({ own: true });
  });

  const executors = async () =>
    Object.fromEntries(
      (await home.lines(['executors'])).map((line) => {
        const [name = '', host, state] = line.split('\t');
        return [name, `${state} at ${host}`];
      }),
    );
  const joinWith = (text: string, ...flags: string[]) =>
    other.gilliam(['join', '-', ...flags], { input: text, timeoutMs: 120_000 });
  const refused = async (text: string, ...flags: string[]) => {
    const { code, stdout, stderr } = await joinWith(text, ...flags);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    return stderr;
  };

  test('finds a stage of one machine closed', async () => {
    const { code, stdout, stderr } = await home.gilliam(['executor', 'invite']);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/is of one machine: .* "gilliam up --address HOST"/);
    const loopback = await home.gilliam(['up', '--address', '127.0.0.1']);
    expect(loopback.stderr).toMatch(/other machines do not reach this one at 127\.0\.0\.1: .* give one of/);
  });

  test('is invited once the stage is open: what runs is not disturbed by that', async () => {
    const etcd = home.process('etcd')?.pid;
    const opened = await home.succeed(['up', '--address', network.gateway], { timeoutMs: 120_000 });
    expect(opened.stdout).toMatch(/^stage \S+ is up: 10\.213\.\d+\.254:\d+\n/);
    expect(await home.containerStarts()).toEqual(before);
    expect(home.process('etcd')?.pid).toBe(etcd);
    const { stdout, stderr } = await home.succeed(['executor', 'invite']);
    expect(stderr).toMatch(
      /^whoever has this invitation can run an executor of stage \S+: keep it as a password\n$/,
    );
    invitation = stdout;
    expect(parseInvitation(invitation).api).toContain(network.gateway);
    // By TLS, and Node has nothing to warn of.
    expect((await home.succeed(['ps'], { cwd })).stderr).toBe('');
  });

  describe('is refused, with what to do, and nothing is left of it', () => {
    const changed = (change: object) => formatInvitation({ ...parseInvitation(invitation), ...change });

    test.each<[string, () => string, RegExp]>([
      ['an invitation that is cut off', () => invitation.slice(0, 900), /is not whole/],
      ['one of another version', () => changed({ version: '0.0.1' }), /runs Gilliam 0\.0\.1, and this is/],
      ['one of a newer format', () => invitation.replace('.1.', '.9.'), /is of format 9/],
      ['another token', () => changed({ token: 'x'.repeat(43) }), /refuses the token of the invitation/],
      ['another stage of the same home', () => changed({ stage: 'other' }), /is stage "e2e-/],
      [
        'a certificate that is not of the stage',
        () => changed({ ca: stranger.certificate }),
        /shows a certificate that is not one of stage/,
      ],
      [
        'a stage that is not there',
        () => changed({ api: `${network.gateway}:1` }),
        /cannot be reached at .*:1 \(.*ECONNREFUSED/,
      ],
    ])('%s', async (_, text, message) => {
      expect(await refused(text())).toMatch(message);
      expect((await other.gilliam(['status'])).stderr).toMatch(/there is no stage/);
    });

    test('the name of another executor, and an address that is not its own', async () => {
      const [name = ''] = Object.keys(await executors());
      expect(await refused(invitation, '--name', name)).toMatch(
        /has an executor .* already, at .*: .* --name/,
      );
      expect(await refused(invitation, '--name', 'two', '--address', '10.213.255.1')).toMatch(
        /is none of its addresses/,
      );
    });
  });

  test('says with --plan what it would do, and does nothing', async () => {
    const { stdout } = await other.succeed(['join', '-', '--name', 'two', '--plan'], { input: invitation });
    expect(stdout).toBe(
      'would prepare directories, tokens and ports\nwould start the supervisor\nwould wait until the executor is ready\n',
    );
    expect(Object.keys(await executors())).toHaveLength(1);
  });

  test('is an executor with one command', async () => {
    const { code, stdout, stderr } = await joinWith(invitation, '--name', 'two');
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.any(String) as string });
    expect(stdout).toBe(
      `two at ${other.address} is an executor of stage ${home.stage}\nrouter: http port 8080, https port 8443\n`,
    );
    expect((await executors()).two).toBe(`ready at ${other.address}`);
  });

  test('again: nothing is started anew; a killed part is', async () => {
    const pids = other.pids();
    expect((await joinWith(invitation)).stdout).toMatch(/^two at \S+ was already an executor/);
    expect(other.pids()).toEqual(pids);
    other.kill('supervisor');
    expect((await other.succeed(['up'])).stdout).toMatch(/^executor two of stage \S+ is up: /);
    expect({ ...other.pids(), supervisor: 0 }).toEqual({ ...pids, supervisor: 0 });
  });

  test('shows what is there, and that the stage is reached', async () => {
    const { role, up, components } = await other.json<Status>(['status']);
    expect({ role, up }).toEqual({ role: 'executor', up: true });
    expect(components.map(({ name, healthy }) => [name, healthy])).toEqual(
      ['supervisor', 'controlplane', 'network', 'router', 'executor', 'docker'].map((name) => [name, true]),
    );
    const { role: own } = await home.json<Status>(['status']);
    expect(own).toBe('stage');
  });

  test('is no place for people to work from, and may not invite', async () => {
    expect((await other.gilliam(['executors'])).stderr).toMatch(
      /is an executor of stage .*, and has no token for people/,
    );
    expect((await other.gilliam(['executor', 'invite'])).stderr).toMatch(
      /may not invite others: invite from its home/,
    );
    expect((await other.gilliam(['up', '--address', other.address])).stderr).toMatch(
      /gilliam join --address/,
    );
    expect((await home.gilliam(['join', '-'], { input: invitation })).stderr).toMatch(
      /is the home of a stage/,
    );
  });

  test('runs instances, which are reached on both by name, through the proxy and by virtual IPs, and through the routers', async () => {
    await home.succeed(['scale', 'web=4', 'client=3', '--wait'], { cwd, timeoutMs: 280_000 });
    expect((await other.containers('web')).length).toBeGreaterThan(0);
    const ask = ['python3', 'client.py', 'http://web.shop.service/', '40'];
    const machines = {
      home: async (...command: string[]) => {
        const [id = ''] = await home.containers('label=gilliam.process=client', 'status=running');
        return home.docker('exec', id, ...command);
      },
      other: (...command: string[]) => other.exec('client', ...command),
    };
    // Each machine hears from the others of what has just started.
    for (const [name, run] of Object.entries(machines)) {
      for (const [way, option] of Object.entries({ proxy: [], 'virtual IP': ['direct'] })) {
        await home.until(`the ${way} of the ${name} machine leads to all`, async () => {
          const answered = Object.keys(JSON.parse(await run(...ask, ...option)) as object).sort();
          if (answered.join() === everyWeb.join()) return true;
          throw new Error(`only ${answered.join()}`);
        });
      }
    }
    // One kernel translates for both, as they have ranges of their own.
    for (const machine of [home, other]) {
      const { components } = await machine.json<Status>(['status']);
      const network = components.find(({ name }) => name === 'network');
      expect(network?.virtualIps?.reason).not.toMatch(/both have addresses/);
    }
    for (const port of [`${other.address}:8080`, `127.0.0.1:${home.hostPortBase - 2}`]) {
      await home.until(`the router at ${port} leads to all`, async () => {
        const answers = await whoAnswers(`http://${port}/`, { host: routed }, 40);
        return Object.keys(answers).sort().join() === everyWeb.join();
      });
    }
  }, 300_000);

  test('does without its home what it did before, and says that it is not reached', async () => {
    const pids = other.pids();
    await home.succeed(['down', '--keep-instances'], { timeoutMs: 120_000 });
    const { code, stderr } = await other.gilliam(['status']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^controlplane: .*ECONNREFUSED/m);
    const said = await other.exec('client', 'python3', 'client.py', 'http://web.shop.service/', '20');
    expect(Object.keys(JSON.parse(said) as object).length).toBeGreaterThan(0);
    await home.succeed(['up'], { timeoutMs: 120_000 });
    await home.until(
      'it is ready again',
      async () => (await executors()).two === `ready at ${other.address}`,
    );
    expect(other.pids()).toEqual(pids);
  });

  test('down stops what is there, and nothing elsewhere', async () => {
    const own = await home.containers();
    const { stdout } = await other.succeed(['down'], { timeoutMs: 120_000 });
    expect(stdout).toBe(`stage ${home.stage} is down on this machine\n`);
    expect(await other.docker('ps', '--quiet')).toBe('');
    expect(Object.values(other.pids()).filter(Boolean)).toEqual([]);
    for (const id of own) expect(await home.containers()).toContain(id);
    expect((await home.json<Status>(['status'])).up).toBe(true);
    await home.until(
      'the other runs all',
      async () => (await home.containers('label=gilliam.process=web')).length === 4,
    );
  });

  test('is back with up, as a unit of systemd would have it, and gone for good with down --forget', async () => {
    await other.succeed(['up'], { timeoutMs: 120_000 });
    expect((await executors()).two).toBe(`ready at ${other.address}`);
    await other.succeed(['down', '--forget'], { timeoutMs: 120_000 });
    expect((await other.gilliam(['status'])).stderr).toMatch(/there is no stage/);
    await home.until('it is lost', async () => (await executors()).two === `lost at ${other.address}`);
    expect((await home.succeed(['executor', 'forget', 'two'])).stdout).toBe('two forgotten\n');
    expect(Object.keys(await executors())).not.toContain('two');
    const file = join(other.directory, 'invitation');
    writeFileSync(file, invitation);
    const args = ['join', file, '--name', 'three', '--json'];
    expect(JSON.parse((await other.succeed(args, { timeoutMs: 120_000 })).stdout)).toMatchObject({
      executor: 'three',
    });
  });
});
