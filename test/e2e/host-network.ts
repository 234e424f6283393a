import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { promisify } from 'node:util';
import { killIfThere } from './left-containers';
import { lives } from './run-owner';

const exec = promisify(execFile);

/**
 * Hosts on one machine: a network namespace each, on a switch that is in a namespace of its own, so that none of this
 * machine's firewall rules see what passes between them. This machine is on the switch as well.
 */
export class HostNetwork {
  readonly #names: { readonly switch: string; readonly hosts: readonly string[]; readonly uplink: string };

  private constructor(
    hosts: number,
    private readonly subnet: string,
  ) {
    // The pid tells the next run whether anybody still needs them.
    const prefix = `gilliam-${process.pid}`;
    this.#names = {
      switch: `${prefix}-switch`,
      hosts: Array.from({ length: hosts }, (_, index) => `${prefix}-${index + 1}`),
      uplink: `gil${process.pid}`,
    };
  }

  /** Makes them, after removing what tests before have left that were killed. */
  static async create(hosts: number): Promise<HostNetwork> {
    await sweepNetworks();
    const network = new HostNetwork(hosts, await freeSubnet());
    try {
      await network.#build();
      return network;
    } catch (error) {
      await network.close();
      throw error;
    }
  }

  /** Where the hosts reach this machine. */
  get gateway(): string {
    return `${this.subnet}.254`;
  }

  /** Of a host, counted from 1. */
  address(host: number): string {
    return `${this.subnet}.${host}`;
  }

  /** What to put before a command to run it on a host. Only the network is another: files and cgroups are the machine's. */
  command(host: number): readonly [string, ...string[]] {
    return ['nsenter', `--net=/run/netns/${this.#namespace(host)}`, '--'];
  }

  /** Runs a command on a host; what it prints. */
  async run(host: number, command: string, ...args: string[]): Promise<string> {
    const [nsenter, ...options] = this.command(host);
    return (await exec(nsenter, [...options, command, ...args])).stdout;
  }

  /** The hosts do not reach each other any more, and are not told so; they still reach this machine. */
  async partition(): Promise<void> {
    await this.#isolated('on');
  }

  async heal(): Promise<void> {
    await this.#isolated('off');
  }

  /** The host's cable is out: it reaches nobody, and nobody it. */
  async unplug(host: number): Promise<void> {
    await ip('-n', this.#names.switch, 'link', 'set', `port${host}`, 'down');
  }

  async plug(host: number): Promise<void> {
    await ip('-n', this.#names.switch, 'link', 'set', `port${host}`, 'up');
  }

  /** Ids of the processes on a host, those in its containers apart. */
  async processes(host: number): Promise<number[]> {
    return pidsIn(this.#namespace(host));
  }

  async close(): Promise<void> {
    for (const name of [...this.#names.hosts, this.#names.switch]) await remove(name);
  }

  #namespace(host: number): string {
    const name = this.#names.hosts[host - 1];
    if (name === undefined) throw new Error(`there is no host ${host}`);
    return name;
  }

  async #build(): Promise<void> {
    const { switch: middle, hosts, uplink } = this.#names;
    await ip('netns', 'add', middle);
    await ip('-n', middle, 'link', 'add', 'bridge', 'type', 'bridge');
    await ip('-n', middle, 'link', 'set', 'bridge', 'up');
    await ip('link', 'add', uplink, 'type', 'veth', 'peer', 'name', 'uplink', 'netns', middle);
    await this.#plugIn('uplink');
    await ip('address', 'add', `${this.gateway}/24`, 'dev', uplink);
    await ip('link', 'set', uplink, 'up');
    for (const [index, name] of hosts.entries()) {
      const port = `port${index + 1}`;
      await ip('netns', 'add', name);
      await ip('-n', middle, 'link', 'add', port, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
      await this.#plugIn(port);
      await ip('-n', name, 'address', 'add', `${this.address(index + 1)}/24`, 'dev', 'eth0');
      for (const link of ['lo', 'eth0']) await ip('-n', name, 'link', 'set', link, 'up');
      await ip('-n', name, 'route', 'add', 'default', 'via', this.gateway);
    }
  }

  async #plugIn(port: string): Promise<void> {
    await ip('-n', this.#names.switch, 'link', 'set', port, 'master', 'bridge', 'up');
  }

  async #isolated(state: 'on' | 'off'): Promise<void> {
    for (const index of this.#names.hosts.keys()) {
      const port = `port${index + 1}`;
      await ip('-n', this.#names.switch, 'link', 'set', port, 'type', 'bridge_slave', 'isolated', state);
    }
  }
}

async function ip(...args: string[]): Promise<string> {
  return (await exec('ip', args)).stdout;
}

async function freeSubnet(): Promise<string> {
  const routes = await ip('route');
  for (let tried = 0; tried < 254; tried++) {
    // Tests that begin at the same moment do not look for the same first.
    const subnet = `10.213.${1 + ((process.pid + tried) % 254)}`;
    if (!routes.includes(`${subnet}.`)) return subnet;
  }
  throw new Error('no subnet of 10.213.0.0/16 is free');
}

async function pidsIn(namespace: string): Promise<number[]> {
  const pids = await ip('netns', 'pids', namespace).catch(() => '');
  return pids.split('\n').filter(Boolean).map(Number);
}

/** Ends all that runs in the namespace, which nobody but its harness has put anything into. */
async function remove(namespace: string): Promise<void> {
  for (const pid of await pidsIn(namespace)) killIfThere(pid);
  await ip('netns', 'delete', namespace).catch(() => {});
}

/** Removes those of tests that were killed, with all that runs there. */
export async function sweepNetworks(): Promise<void> {
  const found = existsSync('/run/netns') ? readdirSync('/run/netns') : [];
  for (const name of found) {
    const pid = /^gilliam-(\d+)-(?:switch|\d+)$/.exec(name)?.[1];
    if (pid && !lives(pid)) await remove(name);
  }
}
