import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { type AddressRange, inRange, parseAddress } from './address-range';

/** Which connections through virtual addresses there are. */
export interface ConnectionTable {
  /** The endpoints, as `address:port`, with a connection under way; undefined where nobody can say. */
  busy(range: AddressRange): Promise<ReadonlySet<string> | undefined>;
}

/** Either side may still send: opening, open, or closed by one side only. */
const underWay = new Set(['SYN_SENT', 'SYN_RECV', 'ESTABLISHED', 'FIN_WAIT', 'CLOSE_WAIT']);

/**
 * The endpoint of a line of the connection table, as both /proc/net/nf_conntrack and `conntrack -L` write it: of a TCP
 * connection that was made to an address of the range, and is under way.
 */
export function endpointOfLine(line: string, range: AddressRange): string | undefined {
  const found =
    /\btcp\s+6\s+\d+\s+([A-Z_0-9]+)\s+src=\S+ dst=(\S+) sport=\d+ dport=\d+ (?:packets=\d+ bytes=\d+ )?(?:\[UNREPLIED\] )?src=(\S+) dst=\S+ sport=(\d+)/.exec(
      line,
    );
  if (!found) return undefined;
  const [, state = '', to = '', from = '', port = ''] = found;
  const address = parseAddress(to);
  if (address === undefined || !inRange(range, address) || !underWay.has(state)) return undefined;
  return `${from}:${port}`;
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

  async busy(range: AddressRange): Promise<ReadonlySet<string> | undefined> {
    try {
      return await read(createReadStream(this.#file), range);
    } catch {
      return this.#ask(range);
    }
  }

  async #ask(range: AddressRange): Promise<ReadonlySet<string> | undefined> {
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

async function read(stream: Readable, range: AddressRange): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  const failed = new Promise<never>((_resolve, reject) => stream.once('error', reject));
  const lines = createInterface({ input: stream, crlfDelay: Infinity });
  const reading = (async () => {
    for await (const line of lines) {
      const endpoint = endpointOfLine(line, range);
      if (endpoint !== undefined) found.add(endpoint);
    }
  })();
  await Promise.race([reading, failed]);
  return found;
}
