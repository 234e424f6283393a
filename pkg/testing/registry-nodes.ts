import { SystemClock } from '../base/clock';
import { silentLogger } from '../base/log';
import { SystemRandom } from '../base/random';
import type { RegistryNodeOptions } from '../registry/node';
import { RegistryNode } from '../registry/node';
import type { RegistryTimes } from '../registry/settings';
import type { Changes, Follower } from '../registry/types';
import { TcpProxy } from './tcp-proxy';

export const token = 'executor-token-of-the-tests-0123456789';

/** Short, so that tests are. */
export const quickTimes: Partial<RegistryTimes> = {
  tickMs: 50,
  nodeLivenessMs: 700,
  peerTimeoutMs: 300,
  pingMs: 100,
  followerGraceMs: 600,
};

export function makeNode(name: string, options: Partial<RegistryNodeOptions> = {}): RegistryNode {
  return new RegistryNode({
    name,
    token,
    clock: new SystemClock(),
    random: new SystemRandom(),
    log: silentLogger,
    environment: () => ({ registry: 'http://127.0.0.1:1' }),
    times: quickTimes,
    ...options,
  });
}

export interface Member {
  node: RegistryNode;
  port: number;
  /** What others reach it by: breaks on demand. */
  readonly link: TcpProxy;
}

/** Nodes over real sockets, each behind a link that can be cut. */
export class Cluster {
  private constructor(readonly members: readonly Member[]) {}

  static async start(count: number, options: Partial<RegistryNodeOptions> = {}): Promise<Cluster> {
    const members: Member[] = [];
    for (let index = 0; index < count; index++) {
      const node = makeNode(`e${index}`, options);
      const [port = 0] = await node.listen([{ host: '127.0.0.1', port: 0 }]);
      members.push({ node, port, link: await TcpProxy.start(port) });
    }
    const cluster = new Cluster(members);
    for (const { node } of members) node.setPeers(cluster.peers);
    await until('all have spoken', () =>
      members.every(({ node }) => {
        const status = node.status();
        return !status.recovering && status.peers.every(({ up }) => up);
      }),
    );
    return cluster;
  }

  get peers() {
    return this.members.map(({ node, link }) => ({ name: node.name, address: link.endpoint }));
  }

  at(index: number): Member {
    return this.members[index] as Member;
  }

  url(index: number): string {
    return `http://127.0.0.1:${this.at(index).port}`;
  }

  async close(): Promise<void> {
    await Promise.all(this.members.map(({ node }) => node.close()));
    await Promise.all(this.members.map(({ link }) => link.close()));
  }
}

/** Waits until it holds, at most five seconds. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 5_000;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`${what}: not within 5 s`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Notes what it is told, and confirms withdrawals when the test says so. */
export class HeldFollower implements Follower {
  readonly seen: Changes[] = [];
  #held: (() => void)[] = [];

  constructor(
    readonly name: string,
    private readonly holds = true,
  ) {}

  get withdrawn(): number {
    return this.seen.reduce((sum, { withdrawn }) => sum + withdrawn.length, 0);
  }

  apply(changes: Changes): Promise<void> {
    this.seen.push(changes);
    if (!this.holds || changes.withdrawn.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#held.push(resolve));
  }

  release(): void {
    for (const resolve of this.#held.splice(0)) resolve();
  }
}
