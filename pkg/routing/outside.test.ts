import { InvalidError } from '../base/errors';
import { isOwn, outsideRules } from './outside';

describe('the machine’s own addresses', () => {
  it.each([
    ...['127.0.0.1', '127.255.255.254', '0.0.0.0', '0.1.2.3', '::', '::1', '0:0:0:0:0:0:0:1', '::1%lo'],
    ...[
      '::ffff:127.0.0.1',
      '::ffff:7f00:1',
      '::ffff:0.0.0.0',
      '::127.0.0.1',
      '64:ff9b::127.0.0.1',
      'no address',
    ],
  ])('%s is one', (address) => expect(isOwn(address)).toBe(true));

  it.each([
    '10.0.0.1',
    '128.0.0.1',
    '169.254.1.1',
    '172.17.0.1',
    '::ffff:10.0.0.1',
    '2001:db8::1',
    'fe80::1',
    '::2:0:1',
  ])('%s is none', (address) => expect(isOwn(address)).toBe(false));
});

describe('rules for what is outside', () => {
  it.each<[string, string, number, boolean]>([
    ['*', 'anything.example', 1, true],
    ['*:443', 'anything.example', 443, true],
    ['*:443', 'anything.example', 80, false],
    ['example.com', 'example.com', 80, true],
    ['Example.COM', 'example.com', 80, true],
    ['example.com', 'www.example.com', 80, false],
    ['example.com', 'badexample.com', 80, false],
    ['*.example.com', 'a.b.example.com', 80, true],
    ['*.example.com', 'example.com', 80, false],
    ['*.example.com', 'badexample.com', 80, false],
    ['example.com:8080', 'example.com', 8080, true],
    ['example.com:8080', 'example.com', 80, false],
  ])('%s for %s:%d: %s', (rule, host, port, allowed) => {
    expect(outsideRules([rule]).allowsName(host, port)).toBe(allowed);
  });

  it.each<[string, string, number, boolean]>([
    ['10.0.0.0/8', '10.1.2.3', 80, true],
    ['10.0.0.0/8', '11.1.2.3', 80, false],
    ['10.0.0.0/8:443', '10.1.2.3', 80, false],
    ['192.0.2.1', '192.0.2.1', 80, true],
    ['fd00::/8', 'fd12::1', 80, true],
    ['fd00::1', 'fd00::1', 80, true],
    ['fd00::1', 'fd00::2', 80, false],
    ['[fd00::1]:443', 'fd00::1', 443, true],
    ['[fd00::1]:443', 'fd00::1', 80, false],
    ['*', '10.0.0.1', 80, false],
  ])('%s for the address %s, port %d: %s', (rule, address, port, allowed) => {
    expect(outsideRules([rule]).allowsAddress(address, port)).toBe(allowed);
  });

  it.each([
    '',
    'a b',
    'exam*ple.com',
    '10.0.0.0/33',
    '10.0.0.0/8/8',
    'example.com/8',
    'http://example.com',
    '*.*',
  ])('"%s" is none', (rule) => expect(() => outsideRules([rule])).toThrow(InvalidError));

  it('none allow nothing', () => {
    const rules = outsideRules([]);
    expect([rules.allowsName('a', 1), rules.allowsAddress('10.0.0.1', 1)]).toEqual([false, false]);
  });
});
