import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock } from '../base/clock';
import { PreconditionError } from '../base/errors';
import { silentLogger } from '../base/log';
import type { Bpftool } from '../kernel/bpftool';
import { SystemConnections } from '../virtualip/connections';
import { removeTable, SystemNft } from '../virtualip/nft';
import { TranslatedConnections } from '../virtualip/translated-connections';
import { Translation } from '../virtualip/translation';
import type { TranslatorOptions } from '../virtualip/translator';
import { VirtualIps } from '../virtualip/virtual-ips';
import { BridgeNetwork, testRange as range } from './bridge-network';
import { FakeRegistry } from './fake-registry';
import { TranslationSandbox } from './translation-sandbox';

const clock = new SystemClock();

/** Of the network that is tested. */
export const table = 'gilliam_test';
export const web = { service: 'web', formation: 'shop' };

/**
 * Virtual IPs that real programs in a real kernel translate at connect, for a control group of their own, in a network of
 * three members: 0 calls, 1 and 2 serve `one` and `two`.
 */
export class TranslationRig {
  registry = new FakeRegistry();
  /** What bpftool refuses, whatever it is asked. */
  broken: RegExp | undefined;
  /** How often it has. */
  refusals = 0;
  /** What it was told, and asked, by the network that is tested. */
  readonly written: string[] = [];
  readonly asked: string[] = [];
  /** Of this test. */
  directory = '';
  readonly #open: VirtualIps[] = [];

  private constructor(
    readonly sandbox: TranslationSandbox,
    readonly network: BridgeNetwork,
    private readonly nft: SystemNft,
  ) {}

  static async create(): Promise<TranslationRig> {
    const sandbox = await TranslationSandbox.create();
    const network = await BridgeNetwork.create(3, sandbox.cgroup);
    const nft = new SystemNft({ clock, command: [...network.inside(network.machine), 'nft'] });
    await network.setBridged(false);
    await network.serve(1, 9001, 'one');
    await network.serve(2, 9001, 'two');
    return new TranslationRig(sandbox, network, nft);
  }

  async close(): Promise<void> {
    await this.network.remove();
    await this.sandbox.remove();
  }

  /** Before each test. */
  async prepare(): Promise<void> {
    this.directory = await mkdtemp(join(tmpdir(), 'gilliam-'));
    this.registry = new FakeRegistry();
  }

  /** After each test: nothing is attached any more. */
  async clear(): Promise<void> {
    this.broken = undefined;
    await Promise.all(this.#open.splice(0).map((one) => one.close()));
    await removeTable(this.nft, table);
    await this.sandbox.translator(table, range).remove();
    expect(await this.sandbox.attached()).toEqual([]);
    await rm(this.directory, { recursive: true });
  }

  async start(options: Partial<TranslatorOptions> = {}, { isOn = true } = {}) {
    const { network, registry, nft } = this;
    const translator = this.sandbox.translator(table, range, { bpftool: this.#bpftool, ...options });
    const translation = new Translation({ translator, clock, log: silentLogger, retryMs: 200 });
    const command = [...network.inside(network.machine), 'cat', '/proc/net/nf_conntrack'];
    const tracked = new SystemConnections({ file: '/nonexistent', command });
    const ips = new VirtualIps({
      ...{ registry, executor: 'here', range, table, nft, clock, log: silentLogger },
      ...{ connections: new TranslatedConnections(tracked, translation), translation },
      file: join(this.directory, 'virtual-ips.json'),
      times: { drainMs: 20_000, resyncMs: 100 },
    });
    this.#open.push(ips);
    await ips.start();
    expect(translation.isOn).toBe(isOn);
    return { ips, translation };
  }

  /** What a member announces. */
  at(member: number, port = 9001) {
    return {
      ...{ host: '192.0.2.1', port: 10_000, ports: { [port]: 10_000 } },
      ...{ executor: 'here', address: this.network.address(member) },
    };
  }

  get client(): string {
    return this.network.members[0] as string;
  }

  async python(program: string, ...args: string[]): Promise<string> {
    const { stdout, stderr } = await this.network.run(this.client, 'python3', '-c', program, ...args);
    return stdout.trim() || stderr;
  }

  get(address: string | undefined) {
    const curl = ['curl', '-s', '-S', '-m', '3', '--noproxy', '*', `http://${address}/`] as const;
    return this.network.run(this.client, ...curl);
  }

  /** Whose address the endpoint sees: the client's own where nothing is in between. */
  async seenBy(address: string | undefined): Promise<string | undefined> {
    return (await this.get(address)).stdout.split(' ')[1];
  }

  async until(holds: () => boolean | Promise<boolean>): Promise<void> {
    const endMs = clock.monotonic() + 30_000;
    while (!(await holds())) {
      if (clock.monotonic() > endMs) throw new Error('it has not come to be so');
      await this.network.run(this.network.machine, 'true');
    }
  }

  readonly #bpftool: Bpftool = {
    batch: async (commands) => {
      const refused = commands.find((command) => this.broken?.test(command));
      if (refused !== undefined) {
        this.refusals++;
        throw new PreconditionError(`bpftool has refused ${refused}`);
      }
      this.written.push(...commands);
      await this.sandbox.bpftool.batch(commands);
    },
    ask: (...command) => {
      this.asked.push(command.join(' '));
      return this.sandbox.bpftool.ask(...command);
    },
  };
}
