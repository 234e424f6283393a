import dgram, { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DecodedPacket, decode, encode, type Packet, RECURSION_DESIRED } from 'dns-packet';
import fc from 'fast-check';
import { SystemClock, sleep } from '../base/clock';
import { silentLogger } from '../base/log';
import { SeededRandom } from '../base/random';
import type { Asker } from '../registry/access';
import { formatServiceName } from '../registry/service-name';
import type { ServiceName } from '../registry/types';
import { FakeRegistry } from '../testing/fake-registry';
import { VirtualClock } from '../testing/virtual-clock';
import { DnsServer, type DnsLimits } from './dns-server';
import { framed } from './forwarder';
import { rcodes, readQuery } from './query';
import { parseResolvConf, resolvConf, type Upstream } from './resolv-conf';
import type { NameAddresses } from './service-zone';

jest.setTimeout(20_000);

const truncated = 0x0200;
const host = '127.0.0.1';

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
const honest =
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

const failing = (rcode: number) => (message: Buffer) => {
  const { id, questions } = decode(message);
  return encode({ type: 'response', id, flags: rcode, questions });
};

describe('the DNS server', () => {
  let registry: FakeRegistry;
  let addresses: FakeAddresses;
  let upstream: Upstream[];
  let asker: Asker;
  const open: { close(): unknown }[] = [];

  beforeEach(() => {
    registry = new FakeRegistry();
    addresses = new FakeAddresses(registry);
    upstream = [];
    asker = 'machine';
  });
  afterEach(async () => {
    for (const one of open.splice(0).reverse()) await one.close();
  });

  async function start(
    limits: Partial<DnsLimits> = {},
    introduced?: (address: string) => Promise<void>,
  ): Promise<number> {
    const server = new DnsServer({
      ...{ registry, virtualIps: addresses, upstream: () => upstream, limits },
      ...{ clock: new SystemClock(), random: new SeededRandom(1), log: silentLogger },
      askerAt: () => asker,
      ...(introduced && { introduced }),
    });
    open.push(server);
    const [port] = await server.listen([{ host, port: 0 }]);
    return port as number;
  }

  async function elsewhere(answer: (message: Buffer, transport: string) => Buffer | undefined) {
    const server = new FakeUpstream(answer);
    open.push(server);
    upstream.push(await server.listen());
    return server;
  }

  const query = (name: string, type: string, more: Partial<Packet> = {}): Buffer =>
    encode({
      ...{ type: 'query', id: 4711, flags: RECURSION_DESIRED },
      questions: [{ name, type: type as 'A' }],
      ...more,
    });

  const rcode = (answer: DecodedPacket) => (answer.flags ?? 0) & 15;
  const show = (answer: DecodedPacket) =>
    answer.answers?.map((one) => ('data' in one ? one.data : undefined));

  /** Undefined where nothing comes. */
  async function udp(port: number, message: Buffer, waitMs = 8000): Promise<Buffer | undefined> {
    const socket = createSocket('udp4');
    try {
      socket.send(message, port, host);
      const timer = setTimeout(() => socket.emit('message', undefined), waitMs);
      const [answer] = (await once(socket, 'message')) as [Buffer | undefined];
      clearTimeout(timer);
      return answer;
    } finally {
      socket.close();
    }
  }

  async function ask(port: number, name: string, type = 'A', more?: Partial<Packet>): Promise<DecodedPacket> {
    return decode((await udp(port, query(name, type, more))) as Buffer);
  }

  async function tcp(port: number, ...messages: Buffer[]): Promise<Buffer[]> {
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

  const at = (executor: string, port: number) => ({
    ...{ host: '192.0.2.7', port, ports: { '8080': port, '9090': port + 1 }, executor, release: 'v1' },
  });

  describe('of services', () => {
    beforeEach(async () => {
      await registry.put('shop/web.1', at('one', 10_000));
      await registry.put('shop/web.2', { ...at('two', 10_002), release: 'v2' });
      await registry.put('shop/_cache.1', { host: '192.0.2.7', port: 10_010, ports: { '6379': 10_010 } });
    });

    it.each([
      'web.shop.service',
      '1.web.shop.service',
      'v2.web.shop.service',
      '_cache.shop.service',
      'WEB.Shop.SERVICE',
    ])('answers %s with its virtual address', async (name) => {
      const answer = await ask(await start(), name);
      expect(rcode(answer)).toBe(0);
      expect(answer.answers).toEqual([
        expect.objectContaining({ type: 'A', name, ttl: 5, data: '198.18.16.2' }),
      ]);
      expect(answer.questions).toEqual([expect.objectContaining({ name })]);
      expect([answer.flag_aa, answer.flag_ra, answer.flag_rd, answer.id]).toEqual([true, true, true, 4711]);
    });

    it.each([
      ['_cache.shop.service', 0],
      ['users.blog.service', 3],
    ])('waits until whoever asks for %s is known', async (name, code) => {
      asker = undefined;
      const introduced = async () => {
        await sleep(new SystemClock(), 50);
        asker = { formation: 'shop', service: 'web', instance: '1' };
      };
      expect(rcode(await ask(await start({}, introduced), name))).toBe(code);
      expect(asker).toBeDefined();
    });

    it('does not wait where it does not matter who asks', async () => {
      asker = undefined;
      const port = await start({}, () => Promise.reject(new Error('it was waited for')));
      expect(show(await ask(port, 'web.shop.service'))).toEqual(['198.18.16.2']);
    });

    it('stays with the address of a service without instances', async () => {
      await registry.remove('shop/_cache.1');
      expect(show(await ask(await start(), '_cache.shop.service'))).toEqual(['198.18.16.2']);
    });

    it.each([
      'wbe.shop.service',
      'web.shpo.service',
      '9.web.shop.service',
      'v9.web.shop.service',
      'web.service',
    ])('says that there is no %s, and for how long that holds', async (name) => {
      const answer = await ask(await start(), name);
      expect(rcode(answer)).toBe(3);
      expect(answer.authorities).toEqual([expect.objectContaining({ type: 'SOA', ttl: 1 })]);
    });

    it.each(['a.b.c.web.shop.service', 'web..service', 'www.example.com.shop.service', '-.shop.service'])(
      'says that there is no %s, which cannot be a name',
      async (name) => expect(rcode(await ask(await start(), name))).not.toBe(0),
    );

    it.each(['AAAA', 'TXT', 'MX', 'PTR'])('has nothing of type %s, which is no error', async (type) => {
      const answer = await ask(await start(), 'web.shop.service', type);
      expect([rcode(answer), answer.answers?.length, answer.authorities?.length]).toEqual([0, 0, 1]);
    });

    it('answers ANY with the address, and knows its own zone', async () => {
      const port = await start();
      expect(show(await ask(port, 'web.shop.service', 'ANY'))).toEqual(['198.18.16.2']);
      expect(rcode(await ask(port, 'service', 'NS'))).toBe(0);
    });

    it.each(['AXFR', 'IXFR'])('does not tell everything (%s)', async (type) => {
      expect(rcode(await ask(await start(), 'shop.service', type))).toBe(5);
    });

    const instanceOf = (formation: string, imports = {}): Asker => ({
      ...{ formation, service: 'web', instance: '1', imports },
    });

    it('hides an auxiliary service from other formations, until it is shared with them', async () => {
      const port = await start();
      const code = async (one: Asker) => {
        asker = one;
        return rcode(await ask(port, '_cache.shop.service'));
      };
      expect([await code(instanceOf('shop')), await code('machine')]).toEqual([0, 0]);
      expect([await code(instanceOf('blog')), await code(undefined)]).toEqual([3, 3]);
      const cache = { host: '192.0.2.7', port: 10_010, ports: { '6379': 10_010 } };
      await registry.put('shop/_cache.1', { ...cache, sharedWith: ['blog'] });
      expect([await code(instanceOf('blog')), await code(instanceOf('news'))]).toEqual([0, 3]);
    });

    it("knows an import by the importer's name for it, and to nobody else", async () => {
      const port = await start();
      asker = instanceOf('blog', { users: 'web.shop' });
      const [users, web] = ['users.blog.service', 'web.shop.service'];
      expect(show(await ask(port, users))).toEqual(show(await ask(port, web)));
      asker = instanceOf('news', { users: 'web.shop' });
      expect(rcode(await ask(port, users))).toBe(3);
    });

    it('tells instances and their ports by SRV, with their addresses', async () => {
      const answer = await ask(await start(), 'web.shop.service', 'SRV');
      expect(show(answer)).toEqual([
        { priority: 0, weight: 1, port: 8080, target: '1.web.shop.service' },
        { priority: 0, weight: 1, port: 8080, target: '2.web.shop.service' },
      ]);
      expect(answer.answers?.[0]).toMatchObject({ ttl: 1 });
      expect(answer.additionals).toEqual([
        expect.objectContaining({ type: 'A', name: '1.web.shop.service' }),
        expect.objectContaining({ type: 'A', name: '2.web.shop.service' }),
      ]);
    });

    it.each([
      ['_http._tcp.web.shop.service', [8080, 8080]],
      ['_9090._tcp.web.shop.service', [9090, 9090]],
      ['_redis._tcp._cache.shop.service', [6379]],
      ['_7._tcp.web.shop.service', []],
    ])('takes %s as SRV lookups are written', async (name, ports) => {
      const answer = await ask(await start(), name, 'SRV');
      expect([rcode(answer), show(answer)?.map((data) => (data as { port: number }).port)]).toEqual([
        0,
        ports,
      ]);
    });

    it('tells which name has an address', async () => {
      const port = await start();
      await ask(port, 'web.shop.service');
      expect(show(await ask(port, '2.16.18.198.in-addr.arpa', 'PTR'))).toEqual(['web.shop.service']);
      expect(rcode(await ask(port, '99.16.18.198.in-addr.arpa', 'PTR'))).toBe(3);
    });

    it('says that a long answer is truncated, and gives it over TCP', async () => {
      for (let n = 0; n < 100; n++) await registry.put(`shop/big.${n}`, at('one', 10_000));
      const port = await start();
      const short = await ask(port, 'big.shop.service', 'SRV');
      expect([short.flag_tc, short.answers?.length]).toEqual([true, 0]);
      const [whole] = await tcp(port, query('big.shop.service', 'SRV'));
      expect(decode(whole as Buffer).answers).toHaveLength(100);
    });

    it('leaves out what not even TCP can carry', async () => {
      for (let n = 0; n < 2000; n++) await registry.put(`shop/big.${n}`, at('one', 10_000));
      const [whole] = await tcp(await start(), query('big.shop.service', 'SRV'));
      expect(decode(whole as Buffer).answers?.length).toBeGreaterThan(900);
    });

    it('answers several queries of one connection', async () => {
      const answers = await tcp(
        await start(),
        query('web.shop.service', 'A'),
        query('nobody.shop.service', 'A'),
      );
      expect(answers.map((one) => rcode(decode(one)))).toEqual([0, 3]);
    });

    it('speaks EDNS, of the version that there is', async () => {
      const option = (ednsVersion: number) => ({
        additionals: [
          {
            ...{ type: 'OPT' as const, name: '.', udpPayloadSize: 4096, extendedRcode: 0, ednsVersion },
            ...{ flags: 0, flag_do: false, options: [] },
          },
        ],
      });
      const port = await start();
      const answer = await ask(port, 'web.shop.service', 'A', option(0));
      expect(answer.additionals).toEqual([expect.objectContaining({ type: 'OPT', udpPayloadSize: 1232 })]);
      const bad = await ask(port, 'web.shop.service', 'A', option(1));
      expect(bad.additionals).toEqual([expect.objectContaining({ extendedRcode: 1 })]);
      expect(bad.answers).toHaveLength(0);
    });

    it('fails in time where no address can be had', async () => {
      const port = await start({ answerMs: 50 });
      addresses.broken = new Error('no virtual IP is left');
      expect(rcode(await ask(port, 'web.shop.service'))).toBe(2);
      delete addresses.broken;
      addresses.hangs = true;
      expect(rcode(await ask(port, 'web.shop.service'))).toBe(2);
    });

    it('never asks others for them', async () => {
      const other = await elsewhere(honest('203.0.113.1'));
      const port = await start();
      await ask(port, 'nobody.shop.service');
      await ask(port, 'anything.service');
      await ask(port, '77.16.18.198.in-addr.arpa', 'PTR');
      expect(other.asked).toHaveLength(0);
    });
  });

  describe('of everything else', () => {
    it('passes on what others answer, byte by byte but the id', async () => {
      const other = await elsewhere(honest('203.0.113.1'));
      const asked = query('wWw.Example.com', 'A', {
        additionals: [
          {
            ...{ type: 'OPT' as const, name: '.', udpPayloadSize: 4096, extendedRcode: 0, ednsVersion: 0 },
            ...{ flags: 0x8000, flag_do: true, options: [] },
          },
        ],
      });
      const answer = decode((await udp(await start(), asked)) as Buffer);
      expect([answer.id, show(answer)]).toEqual([4711, ['203.0.113.1']]);
      expect(other.asked[0]?.message.subarray(2).equals(asked.subarray(2))).toBe(true);
      expect(other.asked[0]?.message.readUInt16BE(0)).not.toBe(4711);
    });

    it('goes over TCP where it was asked over TCP, and says so where that is needed', async () => {
      const other = await elsewhere((message, transport) =>
        transport === 'udp' ? honest('203.0.113.1', truncated)(message) : honest('203.0.113.2')(message),
      );
      const port = await start();
      expect((await ask(port, 'example.com')).flag_tc).toBe(true);
      const [whole] = await tcp(port, query('example.com', 'A'));
      expect(show(decode(whole as Buffer))).toEqual(['203.0.113.2']);
      expect(other.asked.map(({ transport }) => transport)).toEqual(['udp', 'tcp']);
    });

    it.each([
      ['does not answer', () => undefined],
      ['fails', failing(2)],
      ['refuses', failing(5)],
      [
        'answers something else',
        (message: Buffer) =>
          honest('203.0.113.66')(query('evil.example', 'A', { id: message.readUInt16BE(0) })),
      ],
      [
        'answers with another id',
        (message: Buffer) =>
          honest('203.0.113.66')(Buffer.concat([Buffer.from([1, 2]), message.subarray(2)])),
      ],
      ['answers nonsense', () => Buffer.from('x')],
    ] as [string, (message: Buffer) => Buffer | undefined][])(
      'asks the next one where the first %s',
      async (_what, first) => {
        await elsewhere(first);
        await elsewhere(honest('203.0.113.2'));
        expect(show(await ask(await start({ tryMs: 100 }), 'example.com'))).toEqual(['203.0.113.2']);
      },
    );

    it('passes on a name that does not exist, at once', async () => {
      await elsewhere(failing(3));
      const second = await elsewhere(honest('203.0.113.2'));
      expect(rcode(await ask(await start(), 'nowhere.example.com'))).toBe(3);
      expect(second.asked).toHaveLength(0);
    });

    it('fails where nobody answers, and where there is nobody', async () => {
      const port = await start({ tryMs: 50, forwardMs: 150 });
      expect(rcode(await ask(port, 'example.com'))).toBe(2);
      await elsewhere(() => undefined);
      expect(rcode(await ask(port, 'example.com'))).toBe(2);
      const [overTcp] = await tcp(port, query('example.com', 'A'));
      expect(rcode(decode(overTcp as Buffer))).toBe(2);
    });

    it('never asks itself', async () => {
      const port = await start();
      upstream = [
        { host, port },
        { host: '198.18.16.1', port: 53 },
      ];
      expect(rcode(await ask(port, 'example.com'))).toBe(2);
    });

    it('takes so many queries at once, and no more', async () => {
      await elsewhere(() => undefined);
      const port = await start({ queries: 10, tryMs: 300, forwardMs: 600 });
      const started = performance.now();
      const answers = await Promise.all(
        Array.from({ length: 40 }, async () => {
          await ask(port, 'example.com');
          return performance.now() - started;
        }),
      );
      expect(answers.filter((ms) => ms > 250)).toHaveLength(10);
    });
  });

  describe('of nonsense', () => {
    const header = (...words: number[]) => Buffer.from(words.flatMap((word) => [word >> 8, word & 255]));

    it.each([
      ['two questions', header(1, 0x0100, 2, 0, 0, 0), 1],
      ['no question', header(1, 0x0100, 0, 0, 0, 0), 1],
      ['a name without an end', Buffer.concat([header(1, 0x0100, 1, 0, 0, 0), Buffer.from([63, 97])]), 1],
      [
        'a name that points at itself',
        Buffer.concat([header(1, 0x0100, 1, 0, 0, 0), Buffer.from([0xc0, 12, 0, 1, 0, 1])]),
        1,
      ],
      [
        'records that are not there',
        Buffer.concat([header(1, 0x0100, 1, 0, 0, 5), Buffer.from([0, 0, 1, 0, 1])]),
        1,
      ],
      ['an update', header(1, 5 << 11, 1, 0, 0, 0), 4],
    ])('%s: says what is wrong', async (_what, message, expected) => {
      const answer = await udp(await start(), message);
      expect([answer?.readUInt16BE(0), (answer?.[3] ?? 0) & 15]).toEqual([1, expected]);
    });

    it.each([
      ['nothing', Buffer.alloc(0)],
      ['half a header', Buffer.alloc(11)],
      ['an answer to nobody', header(1, 0x8100, 1, 0, 0, 0)],
    ])('%s: is silent', async (_what, message) => {
      expect(await udp(await start(), message, 150)).toBeUndefined();
    });

    it('another class than IN', async () => {
      const answer = await ask(await start(), 'web.shop.service', 'A', {
        questions: [{ name: 'web.shop.service', type: 'A', class: 'CH' }],
      });
      expect(rcode(answer)).toBe(5);
    });

    it('labels with dots and zeros in them are no names of ours', async () => {
      await registry.put('shop/web.1', at('one', 10_000));
      const label = (text: string) =>
        Buffer.concat([Buffer.from([text.length]), Buffer.from(text, 'latin1')]);
      const port = await start();
      for (const first of ['web.shop', 'web\0', 'w\xe9b']) {
        const name = Buffer.concat([
          first === 'web.shop' ? label(first) : Buffer.concat([label(first), label('shop')]),
          label('service'),
        ]);
        const message = Buffer.concat([header(7, 0x0100, 1, 0, 0, 0), name, Buffer.from([0, 0, 1, 0, 1])]);
        expect(((await udp(port, message))?.[3] ?? 0) & 15).toBe(3);
      }
    });

    it('of any kind does not end it', async () => {
      await registry.put('shop/web.1', at('one', 10_000));
      const port = await start();
      const socket = createSocket('udp4');
      open.push(socket);
      const good = query('web.shop.service', 'SRV');
      const mutated = fc
        .tuple(
          fc.array(fc.tuple(fc.nat(good.length - 1), fc.integer({ min: 0, max: 255 })), { maxLength: 6 }),
          fc.nat(good.length),
        )
        .map(([changes, length]) => {
          const copy = Buffer.from(good);
          for (const [at, value] of changes) copy[at] = value;
          return copy.subarray(0, length);
        });
      const noise = fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes));
      for (const message of fc.sample(fc.oneof(mutated, noise), { numRuns: 5000, seed: 3 })) {
        readQuery(message);
        await new Promise<void>((sent) => socket.send(message, port, host, () => sent()));
      }
      for (const message of fc.sample(noise, { numRuns: 20, seed: 4 })) {
        const stream = connect(port, host);
        stream.on('error', () => {});
        stream.end(message);
      }
      // The kernel may have dropped what came too fast.
      let answer: Buffer | undefined;
      for (let tries = 0; !answer && tries < 20; tries++)
        answer = await udp(port, query('web.shop.service', 'A'), 300);
      expect(show(decode(answer as Buffer))).toHaveLength(1);
    });

    it('a question from port 0, to which nothing can be sent, harms nobody', async () => {
      const made = jest.spyOn(dgram, 'createSocket');
      const rejected = jest.fn();
      process.once('unhandledRejection', rejected);
      try {
        const port = await start();
        const socket = made.mock.results[0]?.value as dgram.Socket;
        // As a container with raw sockets sends it.
        socket.emit('message', query('web.shop.service', 'A'), { address: host, family: 'IPv4', port: 0 });
        expect(rcode(await ask(port, 'web.shop.service'))).toBe(rcodes.nameError);
        await new Promise((resolve) => setImmediate(resolve));
        expect(rejected).not.toHaveBeenCalled();
      } finally {
        process.off('unhandledRejection', rejected);
        made.mockRestore();
      }
    });

    it('a connection that brings nothing is closed', async () => {
      const port = await start({ idleMs: 50 });
      const socket = connect(port, host);
      socket.on('error', () => {});
      socket.write(Buffer.from([0, 30, 1]));
      await once(socket, 'close');
    });

    it('connections without number are not taken', async () => {
      const port = await start({ connections: 2 });
      const sockets = Array.from({ length: 3 }, () => connect(port, host).on('error', () => {}));
      await Promise.race(sockets.map((socket) => once(socket, 'close')));
      for (const socket of sockets) socket.destroy();
    });
  });
});

describe('resolv.conf', () => {
  it('is read for its servers, three at most', () => {
    const text =
      '# nameserver 9.9.9.9\nnameserver 10.0.0.1\n search example.com\nnameserver   fe80::1%eth0\nnameserver x\n';
    expect(parseResolvConf(text)).toEqual([
      { host: '10.0.0.1', port: 53 },
      { host: 'fe80::1%eth0', port: 53 },
    ]);
    expect(parseResolvConf('nameserver 1.1.1.1\n'.repeat(5))).toHaveLength(3);
    expect(parseResolvConf('')).toEqual([]);
  });

  it('is read again when it has changed, and remembered while it is away', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'gilliam-'));
    const file = join(dir, 'resolv.conf');
    const clock = new VirtualClock();
    const servers = resolvConf(clock, file);
    expect(servers()).toEqual([]);
    await writeFile(file, 'nameserver 10.0.0.1\n');
    await clock.advance(6000);
    expect(servers()).toEqual([{ host: '10.0.0.1', port: 53 }]);
    await rm(dir, { recursive: true });
    await clock.advance(6000);
    expect(servers()).toEqual([{ host: '10.0.0.1', port: 53 }]);
  });
});
