import dgram, { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { decode } from 'dns-packet';
import fc from 'fast-check';
import { rcodes, readQuery } from './query';
import { DnsRig, ask, at, host, query, rcode, show, udp } from './testing';

jest.setTimeout(20_000);

let dns: DnsRig;
beforeEach(() => (dns = new DnsRig()));
afterEach(() => dns.close());

describe('the DNS server of nonsense', () => {
  const header = (...words: number[]) => Buffer.from(words.flatMap((word) => [word >> 8, word & 255]));

  // An OPT record: the root's name, type 41, payloads of 1,232 bytes.
  const option = Buffer.from([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);

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
    [
      'a name of more than 255 bytes',
      Buffer.concat([
        header(1, 0x0100, 1, 0, 0, 0),
        ...Array.from({ length: 4 }, () => Buffer.concat([Buffer.from([63]), Buffer.alloc(63, 'a')])),
        Buffer.from([0, 0, 1, 0, 1]),
      ]),
      1,
    ],
    [
      'two words about EDNS',
      Buffer.concat([header(1, 0x0100, 1, 0, 0, 2), Buffer.from([0, 0, 1, 0, 1]), option, option]),
      1,
    ],
    ['an update', header(1, 5 << 11, 1, 0, 0, 0), 4],
  ])('%s: says what is wrong', async (_what, message, expected) => {
    const answer = await udp(await dns.start(), message);
    expect([answer?.readUInt16BE(0), (answer?.[3] ?? 0) & 15]).toEqual([1, expected]);
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['half a header', Buffer.alloc(11)],
    ['an answer to nobody', header(1, 0x8100, 1, 0, 0, 0)],
  ])('%s: is silent', async (_what, message) => {
    expect(await udp(await dns.start(), message, 150)).toBeUndefined();
  });

  it('another class than IN', async () => {
    const answer = await ask(await dns.start(), 'web.shop.service', 'A', {
      questions: [{ name: 'web.shop.service', type: 'A', class: 'CH' }],
    });
    expect(rcode(answer)).toBe(5);
  });

  it('labels with dots and zeros in them are no names of ours', async () => {
    await dns.registry.put('shop/web.1', at('one', 10_000));
    const label = (text: string) => Buffer.concat([Buffer.from([text.length]), Buffer.from(text, 'latin1')]);
    const port = await dns.start();
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
    await dns.registry.put('shop/web.1', at('one', 10_000));
    const port = await dns.start();
    const socket = createSocket('udp4');
    dns.open.push(socket);
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
      const port = await dns.start();
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
    const port = await dns.start({ idleMs: 50 });
    const socket = connect(port, host);
    socket.on('error', () => {});
    socket.write(Buffer.from([0, 30, 1]));
    await once(socket, 'close');
  });

  it('connections without number are not taken', async () => {
    const port = await dns.start({ connections: 2 });
    const sockets = Array.from({ length: 3 }, () => connect(port, host).on('error', () => {}));
    await Promise.race(sockets.map((socket) => once(socket, 'close')));
    for (const socket of sockets) socket.destroy();
  });
});
