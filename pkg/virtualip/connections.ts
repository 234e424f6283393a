import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { type AddressRange, inRange, parseAddress } from './address-range';

/** Connections from one virtual address to one endpoint. */
export interface OpenConnections {
  /** `198.18.16.5` */
  readonly virtual: string;
  /** `172.17.0.3:9001` */
  readonly target: string;
  readonly count: number;
}

/** Which connections through virtual addresses there are. */
export interface ConnectionTable {
  /** Those that are under way, each pair of address and endpoint once; undefined where nobody can say. */
  open(range: AddressRange): Promise<readonly OpenConnections[] | undefined>;
}

/** Either side may still send: opening, open, or closed by one side only. */
const underWay = new Set(['SYN_SENT', 'SYN_RECV', 'ESTABLISHED', 'FIN_WAIT', 'CLOSE_WAIT']);

/**
 * What a line of the connection table leads from and to, as both /proc/net/nf_conntrack and `conntrack -L` write it: of a
 * TCP connection that was made to an address of the range, and is under way.
 */
export function connectionOfLine(
  line: string,
  range: AddressRange,
): Pick<OpenConnections, 'virtual' | 'target'> | undefined {
  const found =
    /\btcp\s+6\s+\d+\s+([A-Z_0-9]+)\s+src=\S+ dst=(\S+) sport=\d+ dport=\d+ (?:packets=\d+ bytes=\d+ )?(?:\[UNREPLIED\] )?src=(\S+) dst=\S+ sport=(\d+)/.exec(
      line,
    );
  if (!found) return undefined;
  const [, state = '', to = '', from = '', port = ''] = found;
  const address = parseAddress(to);
  if (address === undefined || !inRange(range, address) || !underWay.has(state)) return undefined;
  return { virtual: to, target: `${from}:${port}` };
}

export interface SystemConnectionsOptions {
  /** Default /proc/net/nf_conntrack. */
  readonly file?: string;
  /** What prints the table where there is no such file. Default the conntrack tool. */
  readonly command?: readonly string[];
}

/** The kernel's: from its file, or from the conntrack tool where it has none. */
export class SystemConnections implements ConnectionTable {
  readonly #file: string;
  readonly #command: readonly string[];

  constructor(options: SystemConnectionsOptions = {}) {
    this.#file = options.file ?? '/proc/net/nf_conntrack';
    this.#command = options.command ?? ['conntrack', '-L', '-f', 'ipv4', '-p', 'tcp'];
  }

  async open(range: AddressRange): Promise<readonly OpenConnections[] | undefined> {
    try {
      return await read(createReadStream(this.#file), range);
    } catch {
      return this.#ask(range);
    }
  }

  async #ask(range: AddressRange): Promise<readonly OpenConnections[] | undefined> {
    const [program = '', ...args] = this.#command;
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, LC_ALL: 'C', PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` },
    });
    const ended = new Promise<number | null>((resolve) => {
      child.once('error', () => resolve(-1));
      child.once('close', resolve);
    });
    const found = await read(child.stdout, range);
    return (await ended) === 0 ? found : undefined;
  }
}

async function read(stream: Readable, range: AddressRange): Promise<readonly OpenConnections[]> {
  const found = new Map<string, OpenConnections>();
  const failed = new Promise<never>((_resolve, reject) => stream.once('error', reject));
  const lines = createInterface({ input: stream, crlfDelay: Infinity });
  const reading = (async () => {
    for await (const line of lines) {
      const connection = connectionOfLine(line, range);
      if (!connection) continue;
      const pair = `${connection.virtual} ${connection.target}`;
      found.set(pair, { ...connection, count: (found.get(pair)?.count ?? 0) + 1 });
    }
  })();
  await Promise.race([reading, failed]);
  return [...found.values()];
}
