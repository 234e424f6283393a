import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { type Clock, sleep } from '../base/clock';
import { messageOf } from '../base/errors';
import type { Logger } from '../base/log';
import type { Random } from '../base/random';
import type { Asker } from '../registry/access';
import type { RegistryView } from '../registry/types';
import { Forwarder } from './forwarder';
import { type Query, type Question, rcodes, readQuery } from './query';
import { encodeError, encodeReply, failure, type Reply } from './reply';
import type { Upstream, Upstreams } from './resolv-conf';
import { type NameAddresses, ServiceZone } from './service-zone';
import { serveTcp } from './tcp-session';

export interface DnsServerOptions {
  readonly registry: RegistryView;
  readonly virtualIps: NameAddresses;
  /** Who asks from an address. Absent: whoever asks is answered as the machine itself is. */
  readonly askerAt?: (address: string) => Asker;
  /** Resolves once `askerAt` may know whoever is at an address. Waited for where the answer depends on them. */
  readonly introduced?: (address: string) => Promise<void>;
  /** Whom to ask for everything else. */
  readonly upstream: Upstreams;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly limits?: Partial<DnsLimits>;
}

export interface DnsLimits {
  /**
   * Queries under way at once: so many for our own names, and so many passed on. The next one is told that it failed.
   */
  readonly queries: number;
  readonly connections: number;
  /** For our own names: rules may have to be made first. */
  readonly answerMs: number;
  /** For one try at one upstream, and for all tries. */
  readonly tryMs: number;
  readonly forwardMs: number;
  readonly idleMs: number;
}

const defaultLimits: DnsLimits = {
  queries: 1024,
  connections: 256,
  answerMs: 4000,
  tryMs: 1500,
  forwardMs: 4500,
  idleMs: 10_000,
};

type Transport = 'udp' | 'tcp';

/** Answers `*.service` from the registry, and passes on everything else. */
export class DnsServer {
  readonly #options: DnsServerOptions;
  readonly #limits: DnsLimits;
  readonly #zone: ServiceZone;
  readonly #forwarder: Forwarder;
  readonly #datagrams: DatagramSocket[] = [];
  readonly #servers: Server[] = [];
  readonly #sessions = new Set<Socket>();
  /** Apart, so that what others do not answer leaves room for what we know. */
  readonly #underWay = { own: 0, passedOn: 0 };

  constructor(options: DnsServerOptions) {
    this.#options = options;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#zone = new ServiceZone(options);
    this.#forwarder = new Forwarder({
      upstreams: () => options.upstream().filter((upstream) => !this.#isOwn(upstream)),
      clock: options.clock,
      random: options.random,
      tryMs: this.#limits.tryMs,
      totalMs: this.#limits.forwardMs,
    });
  }

  /** Listens at each of the addresses, over UDP and TCP at one port; port 0 takes a free one. Returns the ports. */
  async listen(addresses: readonly { host: string; port: number }[]): Promise<readonly number[]> {
    const ports: number[] = [];
    for (const { host, port } of addresses) {
      const taken = await this.#listenTcp(host, port);
      await this.#listenUdp(host, taken);
      ports.push(taken);
    }
    return ports;
  }

  async close(): Promise<void> {
    for (const session of this.#sessions) session.destroy();
    await Promise.all([
      ...this.#datagrams.splice(0).map((socket) => new Promise<void>((done) => socket.close(done))),
      ...this.#servers.splice(0).map((server) => new Promise<void>((done) => server.close(() => done()))),
    ]);
  }

  async #listenTcp(host: string, port: number): Promise<number> {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      this.#sessions.add(socket);
      socket.once('close', () => this.#sessions.delete(socket));
      serveTcp({
        socket,
        answer: (message) => this.#handle(message, 'tcp', socket.remoteAddress),
        clock: this.#options.clock,
        idleMs: this.#limits.idleMs,
      });
    });
    server.maxConnections = this.#limits.connections;
    server.listen({ host, port });
    await once(server, 'listening');
    server.on('error', (error) => this.#options.log.warn('a listener of DNS has failed', { error }));
    this.#servers.push(server);
    return (server.address() as AddressInfo).port;
  }

  async #listenUdp(host: string, port: number): Promise<void> {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    socket.bind({ address: host, port, exclusive: true });
    await once(socket, 'listening');
    socket.on('error', (error) => this.#options.log.warn('a listener of DNS has failed', { error }));
    socket.on('message', (message, from) => {
      // Raw sockets can say so, and nothing can be sent there.
      if (from.port === 0) return;
      void this.#handle(message, 'udp', from.address).then((reply) => {
        // Whoever asked may be gone, and the socket closed.
        if (reply && this.#datagrams.includes(socket)) socket.send(reply, from.port, from.address, () => {});
      });
    });
    this.#datagrams.push(socket);
  }

  /** Never rejects. */
  async #handle(message: Buffer, transport: Transport, from = ''): Promise<Buffer | undefined> {
    const query = readQuery(message);
    if (!query) return undefined;
    if ('rcode' in query) return encodeError(query.id, query.rcode);
    const kind = this.#zone.owns(query.question) ? 'own' : 'passedOn';
    if (this.#underWay[kind] >= this.#limits.queries) return encodeReply(query, failure, transport);
    this.#underWay[kind]++;
    try {
      return await this.#answer(query, transport, from);
    } catch (error) {
      this.#options.log.warn('a query cannot be answered', {
        name: query.question.name,
        error: messageOf(error),
      });
      return encodeReply(query, failure, transport);
    } finally {
      this.#underWay[kind]--;
    }
  }

  async #answer(query: Query, transport: Transport, from: string): Promise<Buffer> {
    if (query.edns && query.edns.version !== 0) {
      return encodeReply(query, { rcode: rcodes.badVersion }, transport);
    }
    if (this.#zone.owns(query.question)) {
      return encodeReply(query, await this.#inTime(this.#answerTo(query.question, from)), transport);
    }
    const answer = await this.#forwarder.forward(query, transport);
    return answer ?? encodeReply(query, failure, transport);
  }

  async #answerTo(question: Question, from: string): Promise<Reply> {
    const address = from.startsWith('::ffff:') ? from.slice('::ffff:'.length) : from;
    const { askerAt = () => 'machine' as const, introduced } = this.#options;
    if (introduced && askerAt(address) === undefined && this.#zone.dependsOnAsker(question)) {
      await introduced(address);
    }
    return this.#zone.answer(question, askerAt(address));
  }

  /** The answer, or a failure while the asker still listens. */
  async #inTime(answer: Promise<Reply>): Promise<Reply> {
    const answered = new AbortController();
    const late = sleep(this.#options.clock, this.#limits.answerMs, answered.signal).then(
      () => failure,
      () => failure,
    );
    try {
      return await Promise.race([answer, late]);
    } finally {
      answered.abort();
    }
  }

  /** Whether we would ask ourselves. */
  #isOwn({ host, port }: Upstream): boolean {
    if (this.#options.virtualIps.isVirtual(host)) return true;
    return this.#datagrams.some((socket) => {
      const own = socket.address();
      return own.port === port && (own.address === host || own.address === '0.0.0.0' || own.address === '::');
    });
  }
}
