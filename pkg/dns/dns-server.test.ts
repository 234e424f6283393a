import { setImmediate } from 'node:timers/promises';
import { decode } from 'dns-packet';
import type { Asker } from '../registry/access';
import { DnsRig, ask, at, honest, query, rcode, show, tcp } from './testing';

jest.setTimeout(20_000);

let dns: DnsRig;
beforeEach(() => (dns = new DnsRig()));
afterEach(() => dns.close());

describe('the DNS server of services', () => {
  beforeEach(async () => {
    await dns.registry.put('shop/web.1', at('one', 10_000));
    await dns.registry.put('shop/web.2', { ...at('two', 10_002), release: 'v2' });
    await dns.registry.put('shop/_cache.1', { host: '192.0.2.7', port: 10_010, ports: { '6379': 10_010 } });
  });

  it.each([
    'web.shop.service',
    '1.web.shop.service',
    'v2.web.shop.service',
    '_cache.shop.service',
    'WEB.Shop.SERVICE',
  ])('answers %s with its virtual address', async (name) => {
    const answer = await ask(await dns.start(), name);
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
    dns.asker = undefined;
    const introduced = async () => {
      await setImmediate();
      dns.asker = { formation: 'shop' };
    };
    expect(rcode(await ask(await dns.start({}, introduced), name))).toBe(code);
    expect(dns.asker).toBeDefined();
  });

  it('does not wait where it does not matter who asks', async () => {
    dns.asker = undefined;
    const port = await dns.start({}, () => Promise.reject(new Error('it was waited for')));
    expect(show(await ask(port, 'web.shop.service'))).toEqual(['198.18.16.2']);
  });

  it('stays with the address of a service without instances', async () => {
    await dns.registry.remove('shop/_cache.1');
    expect(show(await ask(await dns.start(), '_cache.shop.service'))).toEqual(['198.18.16.2']);
  });

  it.each([
    'wbe.shop.service',
    'web.shpo.service',
    '9.web.shop.service',
    'v9.web.shop.service',
    'web.service',
  ])('says that there is no %s, and for how long that holds', async (name) => {
    const answer = await ask(await dns.start(), name);
    expect(rcode(answer)).toBe(3);
    expect(answer.authorities).toEqual([expect.objectContaining({ type: 'SOA', ttl: 1 })]);
  });

  it.each(['a.b.c.web.shop.service', 'web..service', 'www.example.com.shop.service', '-.shop.service'])(
    'says that there is no %s, which cannot be a name',
    async (name) => expect(rcode(await ask(await dns.start(), name))).not.toBe(0),
  );

  it.each(['AAAA', 'TXT', 'MX', 'PTR'])('has nothing of type %s, which is no error', async (type) => {
    const answer = await ask(await dns.start(), 'web.shop.service', type);
    expect([rcode(answer), answer.answers?.length, answer.authorities?.length]).toEqual([0, 0, 1]);
  });

  it('answers ANY with the address, and knows its own zone', async () => {
    const port = await dns.start();
    expect(show(await ask(port, 'web.shop.service', 'ANY'))).toEqual(['198.18.16.2']);
    expect(rcode(await ask(port, 'service', 'NS'))).toBe(0);
  });

  it.each(['shop.service', 'SHOP.service', '_tcp.web.shop.service', '_udp._cache.shop.service'])(
    'has nothing for %s, which is not to say that there is nothing below it',
    async (name) => {
      const answer = await ask(await dns.start(), name);
      expect([rcode(answer), answer.answers?.length, answer.authorities?.length]).toEqual([0, 0, 1]);
    },
  );

  it.each(['shpo.service', '_tcp.wbe.shop.service', '_http.web.shop.service', 'tcp.web.shop.service'])(
    'says that there is no %s, and nothing below it',
    async (name) => expect(rcode(await ask(await dns.start(), name))).toBe(3),
  );

  it.each(['AXFR', 'IXFR'])('does not tell everything (%s)', async (type) => {
    expect(rcode(await ask(await dns.start(), 'shop.service', type))).toBe(5);
  });

  const instanceOf = (formation: string, imports = {}): Asker => ({
    ...{ formation, service: 'web', instance: '1', imports },
  });

  it('hides an auxiliary service from other formations, until it is shared with them', async () => {
    const port = await dns.start();
    const code = async (one: Asker) => {
      dns.asker = one;
      return rcode(await ask(port, '_cache.shop.service'));
    };
    expect([await code(instanceOf('shop')), await code('machine')]).toEqual([0, 0]);
    expect([await code(instanceOf('blog')), await code(undefined)]).toEqual([3, 3]);
    const cache = { host: '192.0.2.7', port: 10_010, ports: { '6379': 10_010 } };
    await dns.registry.put('shop/_cache.1', { ...cache, sharedWith: ['blog'] });
    expect([await code(instanceOf('blog')), await code(instanceOf('news'))]).toEqual([0, 3]);
  });

  it('does not betray a hidden service by its address, nor by what is above its name', async () => {
    const port = await dns.start();
    await dns.registry.put('den/_fox.1', { host: '192.0.2.7', port: 10_011, ports: { '6379': 10_011 } });
    const address = show(await ask(port, '_fox.den.service'))?.[0] as string;
    const back = `${address.split('.').reverse().join('.')}.in-addr.arpa`;
    const codes = async (one: Asker) => {
      dns.asker = one;
      const above = ['den.service', '_tcp._fox.den.service'];
      return [
        rcode(await ask(port, back, 'PTR')),
        ...(await Promise.all(above.map(async (name) => rcode(await ask(port, name))))),
      ];
    };
    expect(await codes(instanceOf('den'))).toEqual([0, 0, 0]);
    expect(await codes(instanceOf('shop'))).toEqual([3, 3, 3]);
  });

  it("knows an import by the importer's name for it, and to nobody else", async () => {
    const port = await dns.start();
    dns.asker = instanceOf('blog', { users: 'web.shop' });
    const [users, web] = ['users.blog.service', 'web.shop.service'];
    expect(show(await ask(port, users))).toEqual(show(await ask(port, web)));
    dns.asker = instanceOf('news', { users: 'web.shop' });
    expect(rcode(await ask(port, users))).toBe(3);
  });

  it('tells instances and their ports by SRV, with their addresses', async () => {
    const answer = await ask(await dns.start(), 'web.shop.service', 'SRV');
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
    const answer = await ask(await dns.start(), name, 'SRV');
    expect([rcode(answer), show(answer)?.map((data) => (data as { port: number }).port)]).toEqual([0, ports]);
  });

  it('tells which name has an address', async () => {
    const port = await dns.start();
    await ask(port, 'web.shop.service');
    expect(show(await ask(port, '2.16.18.198.in-addr.arpa', 'PTR'))).toEqual(['web.shop.service']);
    expect(rcode(await ask(port, '99.16.18.198.in-addr.arpa', 'PTR'))).toBe(3);
  });

  it('says that a long answer is truncated, and gives it over TCP', async () => {
    for (let n = 0; n < 100; n++) await dns.registry.put(`shop/big.${n}`, at('one', 10_000));
    const port = await dns.start();
    const short = await ask(port, 'big.shop.service', 'SRV');
    expect([short.flag_tc, short.answers?.length]).toEqual([true, 0]);
    const [whole] = await tcp(port, query('big.shop.service', 'SRV'));
    expect(decode(whole as Buffer).answers).toHaveLength(100);
  });

  it('leaves out what not even TCP can carry', async () => {
    for (let n = 0; n < 2000; n++) await dns.registry.put(`shop/big.${n}`, at('one', 10_000));
    const [whole] = await tcp(await dns.start(), query('big.shop.service', 'SRV'));
    expect(decode(whole as Buffer).answers?.length).toBeGreaterThan(900);
  });

  it('answers several queries of one connection', async () => {
    const answers = await tcp(
      await dns.start(),
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
    const port = await dns.start();
    const answer = await ask(port, 'web.shop.service', 'A', option(0));
    expect(answer.additionals).toEqual([expect.objectContaining({ type: 'OPT', udpPayloadSize: 1232 })]);
    const bad = await ask(port, 'web.shop.service', 'A', option(1));
    expect(bad.additionals).toEqual([expect.objectContaining({ extendedRcode: 1 })]);
    expect(bad.answers).toHaveLength(0);
  });

  it('fails in time where no address can be had', async () => {
    const port = await dns.start({ answerMs: 50 });
    dns.addresses.broken = new Error('no virtual IP is left');
    expect(rcode(await ask(port, 'web.shop.service'))).toBe(2);
    delete dns.addresses.broken;
    dns.addresses.hangs = true;
    expect(rcode(await ask(port, 'web.shop.service'))).toBe(2);
  });

  it('never asks others for them', async () => {
    const other = await dns.elsewhere(honest('203.0.113.1'));
    const port = await dns.start();
    await ask(port, 'nobody.shop.service');
    await ask(port, 'anything.service');
    await ask(port, '77.16.18.198.in-addr.arpa', 'PTR');
    expect(other.asked).toHaveLength(0);
  });
});
