import { decode } from 'dns-packet';
import { DnsRig, ask, at, failing, honest, host, query, rcode, show, tcp, truncated, udp } from './testing';

jest.setTimeout(20_000);

let dns: DnsRig;
beforeEach(() => (dns = new DnsRig()));
afterEach(() => dns.close());

describe('the DNS server of everything else', () => {
  it('passes on what others answer, byte by byte but the id', async () => {
    const other = await dns.elsewhere(honest('203.0.113.1'));
    const asked = query('wWw.Example.com', 'A', {
      additionals: [
        {
          ...{ type: 'OPT' as const, name: '.', udpPayloadSize: 4096, extendedRcode: 0, ednsVersion: 0 },
          ...{ flags: 0x8000, flag_do: true, options: [] },
        },
      ],
    });
    const answer = decode((await udp(await dns.start(), asked)) as Buffer);
    expect([answer.id, show(answer)]).toEqual([4711, ['203.0.113.1']]);
    expect(other.asked[0]?.message.subarray(2).equals(asked.subarray(2))).toBe(true);
    expect(other.asked[0]?.message.readUInt16BE(0)).not.toBe(4711);
  });

  it('goes over TCP where it was asked over TCP, and says so where that is needed', async () => {
    const other = await dns.elsewhere((message, transport) =>
      transport === 'udp' ? honest('203.0.113.1', truncated)(message) : honest('203.0.113.2')(message),
    );
    const port = await dns.start();
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
      (message: Buffer) => honest('203.0.113.66')(Buffer.concat([Buffer.from([1, 2]), message.subarray(2)])),
    ],
    ['answers nonsense', () => Buffer.from('x')],
  ] as [string, (message: Buffer) => Buffer | undefined][])(
    'asks the next one where the first %s',
    async (_what, first) => {
      await dns.elsewhere(first);
      await dns.elsewhere(honest('203.0.113.2'));
      expect(show(await ask(await dns.start({ tryMs: 100 }), 'example.com'))).toEqual(['203.0.113.2']);
    },
  );

  it('passes on a name that does not exist, at once', async () => {
    await dns.elsewhere(failing(3));
    const second = await dns.elsewhere(honest('203.0.113.2'));
    expect(rcode(await ask(await dns.start(), 'nowhere.example.com'))).toBe(3);
    expect(second.asked).toHaveLength(0);
  });

  it('fails where nobody answers, and where there is nobody', async () => {
    const port = await dns.start({ tryMs: 50, forwardMs: 150 });
    expect(rcode(await ask(port, 'example.com'))).toBe(2);
    await dns.elsewhere(() => undefined);
    expect(rcode(await ask(port, 'example.com'))).toBe(2);
    const [overTcp] = await tcp(port, query('example.com', 'A'));
    expect(rcode(decode(overTcp as Buffer))).toBe(2);
  });

  it('never asks itself', async () => {
    const port = await dns.start();
    dns.upstream = [
      { host, port },
      { host: '198.18.16.1', port: 53 },
    ];
    expect(rcode(await ask(port, 'example.com'))).toBe(2);
  });

  it('takes so many queries at once, and no more', async () => {
    await dns.elsewhere(() => undefined);
    const port = await dns.start({ queries: 10, tryMs: 300, forwardMs: 600 });
    const started = performance.now();
    const answers = await Promise.all(
      Array.from({ length: 40 }, async () => {
        await ask(port, 'example.com');
        return performance.now() - started;
      }),
    );
    expect(answers.filter((ms) => ms > 250)).toHaveLength(10);
  });

  it('however many ask for what nobody answers, services are found', async () => {
    await dns.registry.put('shop/web.1', at('one', 10_000));
    await dns.elsewhere(() => undefined);
    const port = await dns.start({ queries: 10, tryMs: 2_000, forwardMs: 4_000 });
    const others = Array.from({ length: 20 }, () => ask(port, 'example.com'));
    // One that was refused for the number of those before it: all places are taken.
    expect(rcode(await Promise.race(others))).toBe(2);
    expect(show(await ask(port, 'web.shop.service'))).toEqual(['198.18.16.2']);
    await Promise.all(others);
  });
});
