import { lookup } from 'node:dns/promises';
import { connect as connectTo, isIP, type Socket } from 'node:net';
import type { Clock } from '../base/clock';
import { messageOf } from '../base/errors';
import type { OutsideRules } from '../routing/outside';
import { isOwn } from '../routing/outside';

/** Where a connection is to be made to. */
export interface Place {
  /** A host name or an address. */
  readonly host: string;
  readonly port: number;
  /** An agent has said so: its executor may be this machine. */
  readonly trusted: boolean;
  /** Outside the stage: what the address has to pass. */
  readonly rules?: OutsideRules;
}

/** Why there is no connection, and what the caller may make of it. */
export class DialError extends Error {
  constructor(
    /** `absent`: nobody listens there, or no such host; `late`: no answer in time; `forbidden`, `loop`: not tried. */
    readonly kind: 'absent' | 'late' | 'unreachable' | 'forbidden' | 'loop',
    message: string,
  ) {
    super(message);
    this.name = 'DialError';
  }
}

/** All addresses of a host, the best first. */
export type Resolve = (host: string) => Promise<readonly string[]>;

export const resolveBySystem: Resolve = async (host) =>
  (await lookup(host, { all: true })).map(({ address }) => address);

const rememberMs = 5_000;
const maxRemembered = 1_000;
/** Of one host, that are tried for one connection. */
const maxAddresses = 4;
const keepAliveMs = 15_000;

/** Connects to hosts and addresses, and to none that is forbidden, whatever name it hides behind. */
export class Dialer {
  readonly #known = new Map<
    string,
    { readonly addresses: Promise<readonly string[]>; readonly untilMs: number }
  >();

  constructor(
    private readonly options: {
      readonly clock: Clock;
      readonly resolve: Resolve;
      readonly resolveMs: number;
      readonly connectMs: number;
      /** Whether the proxy itself listens there. */
      readonly isSelf: (address: string, port: number) => boolean;
      /** Whether the resolver of names listens there. */
      readonly isResolver?: (address: string, port: number) => boolean;
      /** Whether an auxiliary service is reached there. */
      readonly isGuarded?: (address: string, port: number) => boolean;
      /** The hosts, by name, that publish an auxiliary service at the port. */
      readonly guardedHosts?: (port: number) => readonly string[];
    },
  ) {}

  /** @throws {DialError} */
  async connect(place: Place): Promise<Socket> {
    const guarded = place.trusted ? undefined : await this.#guardedAddresses(place.port);
    if (isIP(place.host) !== 0) {
      const address = plainAddress(place.host);
      this.#check(place, address, guarded);
      return this.#connectTo(address, place.port);
    }
    const { host, port, rules } = place;
    if (rules && !rules.byAddress && !rules.allowsName(host, port)) throw notAllowed(host);
    const addresses = (await this.#resolve(host)).map(plainAddress);
    let failure: DialError | undefined;
    for (const address of addresses.slice(0, maxAddresses)) {
      try {
        // What is connected to is what was checked: a name may stand for something else the next time it is asked for.
        this.#check(place, address, guarded);
        return await this.#connectTo(address, place.port);
      } catch (error) {
        // One address that is not allowed says nothing about the others, and less than one that does not answer.
        if (!failure || failure.kind === 'forbidden') failure = error as DialError;
      }
    }
    throw failure ?? new DialError('absent', `${place.host} has no address`);
  }

  /** Executors may be announced by name: an address is compared with theirs. */
  async #guardedAddresses(port: number): Promise<ReadonlySet<string>> {
    const hosts = this.options.guardedHosts?.(port) ?? [];
    const found = await Promise.all(hosts.map((host) => this.#resolve(host).catch(() => [])));
    return new Set(found.flat().map(plainAddress));
  }

  #check({ host, port, trusted, rules }: Place, address: string, guarded?: ReadonlySet<string>): void {
    const what = host === address ? address : `${host} (${address})`;
    if (!trusted && this.options.isResolver?.(address, port)) {
      // From here it would be the machine that asks, to whom all names are known.
      throw new DialError(
        'forbidden',
        `${what}:${port} is the resolver, which answers by who asks: ask it without the proxy`,
      );
    }
    if (!trusted && isOwn(address)) {
      throw new DialError('forbidden', `${what} is this machine's own: instances cannot reach it`);
    }
    if (!trusted && (guarded?.has(address) || this.options.isGuarded?.(address, port))) {
      throw new DialError('forbidden', `${what}:${port} is an auxiliary service: ask for it by its name`);
    }
    if (rules && !rules.allowsName(host, port) && !rules.allowsAddress(address, port)) {
      throw notAllowed(what);
    }
    if (this.options.isSelf(address, port)) throw new DialError('loop', `${what}:${port} is this proxy`);
  }

  #connectTo(address: string, port: number): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const { clock, connectMs } = this.options;
      const socket = connectTo({ host: address, port, allowHalfOpen: true, noDelay: true });
      const timer = clock.after(connectMs, () => {
        socket.destroy();
        reject(new DialError('late', `${address}:${port} took no connection within ${connectMs} ms`));
      });
      socket.once('connect', () => {
        timer.dispose();
        socket.removeAllListeners('error');
        socket.setKeepAlive(true, keepAliveMs);
        resolve(socket);
      });
      socket.once('error', (error: NodeJS.ErrnoException) => {
        timer.dispose();
        const absent = error.code === 'ECONNREFUSED';
        const why = absent ? 'refused the connection' : `cannot be reached: ${error.code ?? error.message}`;
        reject(new DialError(absent ? 'absent' : 'unreachable', `${address}:${port} ${why}`));
      });
    });
  }

  async #resolve(host: string): Promise<readonly string[]> {
    const { clock, resolve, resolveMs } = this.options;
    const nowMs = clock.monotonic();
    let known = this.#known.get(host);
    if (!known || known.untilMs <= nowMs) {
      const addresses = resolve(host);
      known = { addresses, untilMs: nowMs + rememberMs };
      this.#known.delete(host);
      this.#known.set(host, known);
      for (const oldest of this.#known.keys()) {
        if (this.#known.size <= maxRemembered) break;
        this.#known.delete(oldest);
      }
      addresses.catch(() => this.#known.delete(host));
    }
    const late = new Promise<never>((_, reject) => {
      const timer = clock.after(resolveMs, () =>
        reject(new DialError('late', `the address of ${host} was not found within ${resolveMs} ms`)),
      );
      const dispose = () => timer.dispose();
      known.addresses.then(dispose, dispose);
    });
    try {
      return await Promise.race([known.addresses, late]);
    } catch (error) {
      if (error instanceof DialError) throw error;
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'ENOTFOUND') throw new DialError('absent', `there is no host "${host}"`);
      throw new DialError(
        'unreachable',
        `the address of ${host} cannot be found: ${code ?? messageOf(error)}`,
      );
    }
  }
}

/** An IPv4 address in IPv6 clothes is the same to the kernel, and has to be to whoever looks at it before. */
function plainAddress(address: string): string {
  const v6 = isIP(address) === 6 ? canonical(address) : undefined;
  const [, high, low] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(v6 ?? '') ?? [];
  if (high === undefined || low === undefined) return address;
  const bits = [parseInt(high, 16), parseInt(low, 16)];
  return bits.flatMap((half) => [half >> 8, half & 255]).join('.');
}

/** As URLs write it: lower case, the longest run of zeros left out, no dots. Undefined for one with a zone. */
function canonical(address: string): string | undefined {
  return URL.canParse(`http://[${address}]`)
    ? new URL(`http://[${address}]`).hostname.slice(1, -1)
    : undefined;
}

function notAllowed(what: string): DialError {
  return new DialError('forbidden', `${what} is not among the hosts that are allowed outside the stage`);
}
