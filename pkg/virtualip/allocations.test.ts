import fc from 'fast-check';
import { ExhaustedError, InvalidError } from '../base/errors';
import { formatAddress, inRange, isForwardable, parseAddress, parseRange } from './address-range';
import { Allocations } from './allocations';

const range = parseRange('198.18.16.0/20');
const tiny = parseRange('198.18.0.0/28');

describe('a range', () => {
  it.each([
    ['198.18.16.0/20', '198.18.16.0', '198.18.31.255'],
    ['198.18.17.3/20', '198.18.16.0', '198.18.31.255'],
    ['198.18.0.0/28', '198.18.0.0', '198.18.0.15'],
  ])('%s', (text, first, last) => {
    const parsed = parseRange(text);
    expect([parsed.first, parsed.last].map(formatAddress)).toEqual([first, last]);
  });

  it.each(['', '198.18.0.0', '198.18.0.0/', '198.18.0.0/29', '198.18.0.0/7', '198.18.0/20', '::/20', 'a/20'])(
    'is not %j',
    (text) => expect(() => parseRange(text)).toThrow(InvalidError),
  );

  it('says what may be an endpoint', () => {
    const may = (text: string) => isForwardable(parseAddress(text) as number, range);
    expect(['172.17.0.2', '10.0.0.1', '198.18.32.1', '223.1.1.1'].map(may)).toEqual([true, true, true, true]);
    expect(['127.0.0.1', '0.0.0.0', '224.0.0.1', '255.255.255.255', '198.18.16.9'].map(may)).not.toContain(
      true,
    );
  });
});

describe('allocations', () => {
  it('give a name the same address on every machine and after every restart', () => {
    const one = new Allocations(range);
    const address = one.allocate('web.shop.service');
    expect(address).toBe('198.18.21.158');
    expect(one.allocate('web.shop.service')).toBe(address);
    const remembered = JSON.parse(JSON.stringify(one)) as Record<string, string>;
    expect(new Allocations(range, remembered).addressOf('web.shop.service')).toBe(address);
    expect(one.nameOf(address)).toBe('web.shop.service');
  });

  it('fill the range, none twice, nobody’s own', () => {
    const allocations = new Allocations(tiny);
    const given = Array.from({ length: allocations.capacity }, (_, n) =>
      allocations.allocate(`s${n}.a.service`),
    );
    expect(new Set(given).size).toBe(13);
    for (const reserved of ['198.18.0.0', '198.18.0.1', '198.18.0.15']) expect(given).not.toContain(reserved);
    expect(() => allocations.allocate('one-more.a.service')).toThrow(ExhaustedError);
    allocations.free('s3.a.service');
    expect(allocations.allocate('one-more.a.service')).toBe(given[3]);
  });

  it('forget what was remembered of another range, or makes no sense', () => {
    const remembered = {
      'a.a.service': '198.18.0.5',
      'b.a.service': '198.18.0.5',
      'c.a.service': '198.19.0.5',
      'd.a.service': 'x',
      'e.a.service': '198.18.0.1',
    };
    expect(JSON.parse(JSON.stringify(new Allocations(tiny, remembered)))).toEqual({
      'a.a.service': '198.18.0.5',
    });
  });

  it('never give one address to two names', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 20 })), { maxLength: 60 }),
        (steps) => {
          const allocations = new Allocations(tiny);
          for (const [take, n] of steps) {
            if (!take) allocations.free(`s${n}`);
            else if (allocations.size < allocations.capacity) allocations.allocate(`s${n}`);
            const all = [...allocations.names()].map((name) => allocations.addressOf(name) as string);
            expect(new Set(all).size).toBe(all.length);
            for (const [index, name] of [...allocations.names()].entries()) {
              expect(allocations.nameOf(all[index] as string)).toBe(name);
              expect(inRange(tiny, parseAddress(all[index] as string) as number)).toBe(true);
            }
          }
        },
      ),
    );
  });
});
