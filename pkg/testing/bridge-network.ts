import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';

const exec = promisify(execFile);

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * The virtual addresses of networks in tests. No stage is given any of these: its programs, at the root of the control
 * groups, run for processes in every network namespace, and those of tests are among them.
 */
export const testRange = '100.127.240.0/20';

/**
 * A machine with a bridge, and others behind it, as containers are: each a network namespace, nothing of which the real
 * machine notices. Needs root.
 */
export class BridgeNetwork {
  readonly #id = randomBytes(3).toString('hex');
  readonly #started: ChildProcess[] = [];
  readonly #namespaces: string[] = [];
  /** The machine: the bridge's address is 172.31.77.1. */
  readonly machine: string;
  /** 172.31.77.2, .3 … */
  readonly members: readonly string[];
  readonly machineAddress = '172.31.77.1';

  private constructor(
    members: number,
    /** A control group for all that runs in it. */
    private readonly cgroup?: string,
  ) {
    this.machine = `gt${this.#id}m`;
    this.members = Array.from({ length: members }, (_, index) => `gt${this.#id}${index}`);
  }

  static async create(members: number, cgroup?: string): Promise<BridgeNetwork> {
    const network = new BridgeNetwork(members, cgroup);
    try {
      await network.#create();
      return network;
    } catch (error) {
      await network.remove();
      throw error;
    }
  }

  address(member: number): string {
    return `172.31.77.${member + 2}`;
  }

  /** What to put before a command so that it runs in a namespace. */
  inside(namespace: string): string[] {
    const enter = ['nsenter', `--net=/run/netns/${namespace}`];
    if (this.cgroup === undefined) return enter;
    return ['sh', '-c', 'echo $$ >"$0" && exec "$@"', `${this.cgroup}/cgroup.procs`, ...enter];
  }

  /** Runs a program to its end, whatever that is. */
  async run(namespace: string, ...command: string[]): Promise<Ran> {
    const [program = '', ...args] = [...this.inside(namespace), ...command];
    try {
      const { stdout, stderr } = await exec(program, args, { timeout: 30_000 });
      return { code: 0, stdout, stderr };
    } catch (error) {
      const { code, stdout = '', stderr = '' } = error as { code?: number; stdout?: string; stderr?: string };
      return { code: typeof code === 'number' ? code : -1, stdout, stderr };
    }
  }

  /** Starts a program, and ends it with the network. Resolves when it has printed a line. */
  async start(namespace: string, ...command: string[]): Promise<ChildProcess> {
    const [program = '', ...args] = [...this.inside(namespace), ...command];
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#started.push(child);
    await new Promise<void>((resolve, reject) => {
      child.stdout.once('data', () => resolve());
      child.once('error', reject);
      child.once('close', () => reject(new Error(`${command.join(' ')} has ended`)));
    });
    child.stdout.resume();
    return child;
  }

  /** An HTTP server that answers `<name> <address of the client>`. */
  async serve(member: number, port: number, name: string): Promise<void> {
    await this.start(this.members[member] as string, 'python3', '-u', '-c', httpServer, name, String(port));
  }

  /** The same at the machine. */
  async serveMachine(port: number, name: string): Promise<void> {
    await this.start(this.machine, 'python3', '-u', '-c', httpServer, name, String(port));
  }

  /** The index of the machine's interface that leads to a member. */
  async link(member: number): Promise<number> {
    const { stdout } = await this.run(this.machine, 'ip', '-o', 'link', 'show', 'dev', `v${member}`);
    return Number(stdout.split(':', 1)[0]);
  }

  /** Two members change addresses, as containers do that end and begin. */
  async swap(one: number, other: number): Promise<void> {
    const [first, second] = [this.address(one), this.address(other)];
    for (const [member, before, after] of [
      [one, first, second],
      [other, second, first],
    ] as const) {
      const namespace = this.members[member] as string;
      const has = (await this.run(namespace, 'ip', '-4', 'addr', 'show', 'dev', 'eth0')).stdout;
      const [was, is] = has.includes(`${before}/`) ? [before, after] : [after, before];
      await this.#ip(namespace, `addr del ${was}/24 dev eth0`);
      await this.#ip(namespace, `addr add ${is}/24 dev eth0`);
      await this.#ip(namespace, `route add default via ${this.machineAddress}`);
    }
    for (const namespace of [this.machine, ...this.members]) await this.#ip(namespace, 'neigh flush all');
  }

  /** Whether the machine has a default route. */
  async setUplink(on: boolean): Promise<void> {
    await this.#ip(this.machine, `route ${on ? 'add' : 'del'} default via 172.31.78.2`);
  }

  /** Whether bridged packets pass through the machine's netfilter. */
  async setBridged(on: boolean): Promise<void> {
    await this.#sysctl(`net.bridge.bridge-nf-call-iptables=${on ? 1 : 0}`);
  }

  async remove(): Promise<void> {
    await Promise.all(
      this.#started.splice(0).map(
        (child) =>
          new Promise<void>((done) => {
            if (child.exitCode !== null || child.signalCode !== null) return done();
            child.once('close', () => done());
            child.kill('SIGKILL');
          }),
      ),
    );
    for (const namespace of this.#namespaces.splice(0)) await exec('ip', ['netns', 'del', namespace]);
  }

  async #create(): Promise<void> {
    for (const namespace of [this.machine, ...this.members]) {
      await exec('ip', ['netns', 'add', namespace]);
      this.#namespaces.push(namespace);
      await this.#ip(namespace, 'link set lo up');
    }
    await this.#ip(this.machine, 'link add br0 type bridge');
    await this.#ip(this.machine, `addr add ${this.machineAddress}/24 dev br0`);
    await this.#ip(this.machine, 'link set br0 up');
    // The way to everything else: nobody is there.
    await this.#ip(this.machine, 'link add br1 type bridge');
    await this.#ip(this.machine, 'addr add 172.31.78.1/24 dev br1');
    await this.#ip(this.machine, 'link set br1 up');
    await this.setUplink(true);
    for (const [index, member] of this.members.entries()) {
      await this.#ip(this.machine, `link add v${index} type veth peer name eth0 netns ${member}`);
      await this.#ip(this.machine, `link set v${index} master br0 up`);
      await this.#ip(member, `addr add ${this.address(index)}/24 dev eth0`);
      await this.#ip(member, 'link set eth0 up');
      await this.#ip(member, `route add default via ${this.machineAddress}`);
    }
    await this.#sysctl('net.ipv4.ip_forward=1');
  }

  async #ip(namespace: string, command: string): Promise<void> {
    await exec('ip', ['-n', namespace, ...command.split(' ')]);
  }

  async #sysctl(setting: string): Promise<void> {
    const [program = '', ...args] = [...this.inside(this.machine), 'sysctl', '-qw', setting];
    await exec(program, args);
  }
}

const httpServer = `
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def do_GET(self):
        body = ('%s %s' % (sys.argv[1], self.client_address[0])).encode()
        self.send_response(200)
        self.send_header('content-length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args): pass
class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128
server = Server(('0.0.0.0', int(sys.argv[2])), Handler)
print('listening')
server.serve_forever()
`;
