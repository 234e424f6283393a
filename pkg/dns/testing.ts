import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { type DecodedPacket, decode, encode, type Packet, RECURSION_DESIRED } from 'dns-packet';
import { SystemClock } from '../base/clock';
import { silentLogger } from '../base/log';
import { SeededRandom } from '../base/random';
import type { Asker } from '../registry/access';
import { formatServiceName } from '../registry/service-name';
import type { ServiceName } from '../registry/types';
import { FakeRegistry } from '../testing/fake-registry';
import { DnsServer, type DnsLimits } from './dns-server';
import { framed } from './forwarder';
import type { Upstream } from './resolv-conf';
import type { NameAddresses } from './service-zone';

export const truncated = 0x0200;
export const host = '127.0.0.1';
const clock = new SystemClock();

/** Addresses in the order of asking, without a kernel. */
class FakeAddresses implements NameAddresses {
  readonly names = new Map<string, string>();
  broken?: Error;
  hangs = false;

  constructor(private readonly registry: FakeRegistry) {}

  async addressOf(name: ServiceName): Promise<string | undefined> {
    if (this.hangs) return new Promise(() => {});
    if (this.broken) throw this.broken;
    const known = this.registry.services(name.formation).includes(name.service);
    const whole = name.instance === undefined && name.release === undefined;
    if (this.registry.lookup(name).length === 0 && !(known && whole)) return undefined;
    const text = formatServiceName(name);
    if (!this.names.has(text)) this.names.set(text, `198.18.16.${this.names.size + 2}`);
    return this.names.get(text);
  }

  nameOf(address: string): string | undefined {
    return [...this.names].find(([, one]) => one === address)?.[0];
  }

  isVirtual(address: string): boolean {
    return address.startsWith('198.18.16.');
  }
}

/** A server elsewhere, of UDP and TCP at one port. */
class FakeUpstream {
  readonly asked: { transport: string; message: Buffer }[] = [];
  readonly #udp = createSocket('udp4');
  readonly #tcp: Server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (data: Buffer) => {
      const reply = this.#reply('tcp', data.subarray(2));
      if (reply) socket.end(framed(reply));
    });
  });

  constructor(private readonly answer: (message: Buffer, transport: string) => Buffer | undefined) {}

  async listen(): Promise<Upstream> {
    this.#tcp.listen(0, host);
    await once(this.#tcp, 'listening');
    const { port } = this.#tcp.address() as AddressInfo;
    this.#udp.on('message', (message, from) => {
      const reply = this.#reply('udp', message);
      if (reply) this.#udp.send(reply, from.port, from.address);
    });
    this.#udp.bind(port, host);
    await once(this.#udp, 'listening');
    return { host, port };
  }

  close(): void {
    this.#udp.close();
    this.#tcp.close();
  }

  #reply(transport: string, message: Buffer): Buffer | undefined {
    this.asked.push({ transport, message });
    return this.answer(message, transport);
  }
}

/** What an honest server answers. */
export const honest =
  (address: string, flags = 0) =>
  (message: Buffer) => {
    const { id, questions } = decode(message);
    const name = questions?.[0]?.name ?? '';
    return encode({
      type: 'response',
      id,
      flags,
      questions,
      answers: [{ type: 'A', name, ttl: 60, data: address }],
    });
  };

export const failing = (rcode: number) => (message: Buffer) => {
  const { id, questions } = decode(message);
  return encode({ type: 'response', id, flags: rcode, questions });
};
/** A server over a fake registry, and what it asks. One a test: `close` it. */
export class DnsRig {
  readonly registry = new FakeRegistry();
  readonly addresses = new FakeAddresses(this.registry);
  readonly open: { close(): unknown }[] = [];
  upstream: Upstream[] = [];
  asker: Asker = 'machine';

  /** The port that it listens on. */
  async start(
    limits: Partial<DnsLimits> = {},
    introduced?: (address: string) => Promise<void>,
  ): Promise<number> {
    const server = new DnsServer({
      ...{ registry: this.registry, virtualIps: this.addresses, upstream: () => this.upstream, limits },
      ...{ clock, random: new SeededRandom(1), log: silentLogger },
      askerAt: () => this.asker,
      ...(introduced && { introduced }),
    });
    this.open.push(server);
    const [port] = await server.listen([{ host, port: 0 }]);
    return port as number;
  }

  /** One more server to ask for what is no service. */
  async elsewhere(answer: (message: Buffer, transport: string) => Buffer | undefined): Promise<FakeUpstream> {
    const server = new FakeUpstream(answer);
    this.open.push(server);
    this.upstream.push(await server.listen());
    return server;
  }

  async close(): Promise<void> {
    for (const one of this.open.splice(0).reverse()) await one.close();
  }
}

export const query = (name: string, type: string, more: Partial<Packet> = {}): Buffer =>
  encode({
    ...{ type: 'query', id: 4711, flags: RECURSION_DESIRED },
    questions: [{ name, type: type as 'A' }],
    ...more,
  });

export const rcode = (answer: DecodedPacket) => (answer.flags ?? 0) & 15;
export const show = (answer: DecodedPacket) =>
  answer.answers?.map((one) => ('data' in one ? one.data : undefined));

/** Undefined where nothing comes. */
export async function udp(port: number, message: Buffer, waitMs = 8000): Promise<Buffer | undefined> {
  const socket = createSocket('udp4');
  try {
    socket.send(message, port, host);
    const timer = clock.after(waitMs, () => socket.emit('message', undefined));
    const [answer] = (await once(socket, 'message')) as [Buffer | undefined];
    timer.dispose();
    return answer;
  } finally {
    socket.close();
  }
}

export async function ask(
  port: number,
  name: string,
  type = 'A',
  more?: Partial<Packet>,
): Promise<DecodedPacket> {
  return decode((await udp(port, query(name, type, more))) as Buffer);
}

export async function tcp(port: number, ...messages: Buffer[]): Promise<Buffer[]> {
  const socket = connect(port, host);
  socket.end(Buffer.concat(messages.map(framed)));
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  let rest = Buffer.concat(chunks);
  const answers: Buffer[] = [];
  while (rest.length > 0) {
    answers.push(rest.subarray(2, 2 + rest.readUInt16BE(0)));
    rest = rest.subarray(2 + rest.readUInt16BE(0));
  }
  return answers;
}

/** An instance on an executor. */
export const at = (executor: string, port: number) => ({
  ...{ host: '192.0.2.7', port, ports: { '8080': port, '9090': port + 1 }, executor, release: 'v1' },
});
