import fc from 'fast-check';
import { pickVirtualRange, rangesBetween, rangesIn } from './virtual-range';

describe('the range of a stage’s virtual IPs', () => {
  test('is the same for one stage, again and again, and mostly another for another', () => {
    expect(pickVirtualRange('local-1f2e3d4c', new Set())).toBe(pickVirtualRange('local-1f2e3d4c', new Set()));
    const keys = Array.from({ length: 200 }, (_, index) => `stage-${index}`);
    expect(new Set(keys.map((key) => pickVirtualRange(key, new Set()))).size).toBe(32);
  });

  test('is a /20 of 198.18.0.0/15 that nobody has', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 0, max: 31 }), (key, others) => {
        const taken = new Set<string>();
        for (let stage = 0; stage < others; stage++) taken.add(pickVirtualRange(`other-${stage}`, taken));
        expect(taken.size).toBe(others);
        const range = pickVirtualRange(key, taken);
        expect(taken.has(range)).toBe(false);
        expect(range).toMatch(/^198\.1[89]\.\d+\.0\/20$/);
        expect(Number(range.split('.')[2]) % 16).toBe(0);
        expect(rangesIn(range)).toEqual([range]);
      }),
    );
  });

  test('says so when there is none left', () => {
    const taken = new Set<string>();
    for (let stage = 0; stage < 32; stage++) taken.add(pickVirtualRange('one', taken));
    expect(() => pickVirtualRange('one', taken)).toThrow(/all 32 ranges .*gilliam down --forget/);
  });

  test.each<[string, string[]]>([
    ['ip daddr 198.18.31.255 tcp dport 53 redirect to :4413', ['198.18.16.0/20']],
    [
      'elements = { 198.18.0.1 . 80, 198.18.0.2 . 80, 198.19.255.1 . 80 }',
      ['198.18.0.0/20', '198.19.240.0/20'],
    ],
    ['ip saddr 172.17.0.0/16 198.51.100.1 1198.18.0.1', []],
    ['', []],
  ])('is found in rules: %s', (text, ranges) => expect(rangesIn(text)).toEqual(ranges));

  const number = (text: string) => text.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);

  test.each<[string, string, string[]]>([
    ['198.18.16.0', '198.18.31.255', ['198.18.16.0/20']],
    ['198.18.31.255', '198.18.32.0', ['198.18.16.0/20', '198.18.32.0/20']],
    ['198.0.0.0', '198.18.0.0', ['198.18.0.0/20']],
    ['198.19.255.255', '255.255.255.255', ['198.19.240.0/20']],
    ['198.17.0.0', '198.17.255.255', []],
    ['198.20.0.0', '198.20.15.255', []],
    ['0.0.0.0', '0.0.0.0', []],
  ])('is found by addresses from %s to %s', (first, last, ranges) =>
    expect(rangesBetween(number(first), number(last))).toEqual(ranges),
  );

  test('is one of all that have an address of any network', () => {
    expect(rangesBetween(0, number('255.255.255.255'))).toHaveLength(32);
  });
});
