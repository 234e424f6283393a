import fc from 'fast-check';
import { InvalidError } from '../base/errors';
import { instanceName } from './instance';
import type { InstanceRef } from './instance-name';
import { instanceRef, parseInstanceRef, parseSource } from './instance-name';
import {
  checkLabel,
  formatName,
  formatParent,
  isLabel,
  isServiceName,
  parseName,
  parseParent,
  toLabel,
} from './names';
import { events, executors, formations, instances, releases } from './objects';
import { compareReleaseNames, parseReleaseName, releaseName, releaseNumber } from './release-name';

describe('labels', () => {
  test.each(['a', 'web', 'web-1', 'x'.repeat(63), 'constructor'])('%s is one', (text) => {
    expect(isLabel(text)).toBe(true);
    expect(isServiceName(text)).toBe(true);
  });

  test.each(['', '-', 'Web', '1web', 'web-', '-web', 'we_b', 'wéb', 'web.1', 'web\n', 'x'.repeat(64)])(
    '%j is none',
    (text) => {
      expect(isLabel(text)).toBe(false);
      expect(isServiceName(text)).toBe(false);
    },
  );

  test('auxiliary services begin with _', () => {
    expect(isServiceName('_cache')).toBe(true);
    expect(isLabel('_cache')).toBe(false);
    expect(isServiceName('__cache')).toBe(false);
    expect(isServiceName('_')).toBe(false);
    expect(isServiceName(`_${'x'.repeat(63)}`)).toBe(false);
  });

  test('the error says the rule', () => {
    expect(() => checkLabel('formation name', 'My_App', 'formation.metadata.name')).toThrow(
      new InvalidError(
        'formation name "My_App" is not allowed: use 1 to 63 lower-case letters, digits and hyphens, beginning with a letter and not ending with a hyphen',
      ),
    );
    expect(() => checkLabel('formation name', '', 'name')).toThrow(/^formation name is missing: /);
  });

  test.each([
    ['Node_7.example.com', 'node-7-example-com'],
    ['10-0-0-1', undefined],
    ['ip-10-0-0-1', 'ip-10-0-0-1'],
    ['---', undefined],
    ['x'.repeat(70), 'x'.repeat(63)],
    [`${'x'.repeat(62)}--y`, 'x'.repeat(62)],
  ])('the nearest label to %s is %s', (text, label) => {
    expect(toLabel(text)).toBe(label);
  });

  test('the nearest label is a label, and a label is its own', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const label = toLabel(text);
        if (label !== undefined) expect(isLabel(label)).toBe(true);
        if (isLabel(text)) expect(label).toBe(text);
      }),
    );
  });
});

describe('resource names', () => {
  test.each([
    [formations, 'formations/shop', { formation: '', name: 'shop' }],
    [executors, 'executors/e1', { formation: '', name: 'e1' }],
    [releases, 'formations/shop/releases/v2', { formation: 'shop', name: 'v2' }],
    [instances, 'formations/shop/instances/web.1', { formation: 'shop', name: 'web.1' }],
  ])('%# are formatted and parsed', (kind, text, key) => {
    expect(formatName(kind, key)).toBe(text);
    expect(parseName(kind, text)).toEqual(key);
  });

  test('events of executors belong to no formation', () => {
    expect(formatName(events, { formation: '', name: 'executor.e1.lost' })).toBe(
      'formations/-/events/executor.e1.lost',
    );
  });

  test.each<readonly [string, string]>([
    ['', 'name is missing: give it as formations/{formation}/releases/{release}'],
    ['v2', 'name "v2" is not a resource name of the form formations/{formation}/releases/{release}'],
    ['formations/shop/scales/v2', 'is not a resource name'],
    ['formations/shop/releases/', 'is not a resource name'],
    ['formations/shop/releases/v2/x', 'is not a resource name'],
    ['formations/-/releases/v2', 'is not a resource name'],
    ['formations/shop/releases/-', 'is not a resource name'],
    ['formations/Shop/releases/v2', 'formation name "Shop" is not allowed'],
  ])('%j is refused', (text, message) => {
    let thrown: unknown;
    try {
      parseName(releases, text);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(InvalidError);
    const { message: said, violations } = thrown as InvalidError;
    expect(said).toContain(message);
    expect(violations).toEqual([{ field: 'name', description: said }]);
  });

  test('wildcards are taken where they are asked for', () => {
    expect(parseName(releases, 'formations/shop/releases/-', { wildcards: ['name'] }).name).toBe('-');
    expect(parseParent('formations/-', { wildcard: true })).toBe('-');
    expect(() => parseParent('formations/-')).toThrow('parent "formations/-" is not a resource name');
  });

  test('parents', () => {
    expect(formatParent('shop')).toBe('formations/shop');
    expect(parseParent('formations/shop')).toBe('shop');
    expect(() => parseParent('')).toThrow('parent is missing: give it as formations/{formation}');
    expect(() => parseParent('formations/shop/releases')).toThrow(InvalidError);
    expect(() => parseParent('formations/Shop')).toThrow('formation name "Shop" is not allowed');
  });
});

describe('release names', () => {
  test.each<readonly [string, number | undefined]>([
    ['v1', 1],
    ['v4294967295', 4_294_967_295],
    ...['v0', 'v01', '1', 'v', 'V1', 'v1.0', 'v4294967296', 'v-1', 'v1\n'].map(
      (name) => [name, undefined] as const,
    ),
  ])('%j is release %s', (name, number) => {
    expect(releaseNumber(name)).toBe(number);
    if (number !== undefined) expect(releaseName(number)).toBe(name);
  });

  test('the error says the form', () => {
    expect(() => parseReleaseName('2')).toThrow(
      'release "2" is not of the form v1, v2, …: see gilliam releases',
    );
  });

  test('are ordered by number', () => {
    expect(['v10', 'v9', 'v1'].sort(compareReleaseNames)).toEqual(['v1', 'v9', 'v10']);
  });
});

describe('instance names', () => {
  test.each<readonly [string, InstanceRef | undefined]>([
    ['web-1-2', { process: 'web', ordinal: 1, incarnation: 2 }],
    ['web.1', { process: 'web', ordinal: 1 }],
    ['web-1-2-3', { process: 'web-1', ordinal: 2, incarnation: 3 }],
    ['_cache.1', { process: '_cache', ordinal: 1 }],
    ...['web', 'web.0', 'web.01', 'web.x', 'web-1', 'web-0-1', '.1', 'web.4294967296', 'Web.1', 'web.1 '].map(
      (text) => [text, undefined] as const,
    ),
  ])('%j is %j', (text, ref) => {
    expect(instanceRef(text)).toEqual(ref);
  });

  test('what is made is read back', () => {
    const process = fc.stringMatching(/^[a-z][-a-z0-9]{0,20}[a-z0-9]$/);
    fc.assert(
      fc.property(
        process,
        fc.integer({ min: 1, max: 5_000 }),
        fc.integer({ min: 1 }),
        (name, ordinal, incarnation) => {
          expect(parseInstanceRef(instanceName(name, ordinal, incarnation))).toEqual({
            process: name,
            ordinal,
            incarnation,
          });
        },
      ),
    );
  });

  test('the errors say the form', () => {
    expect(() => parseInstanceRef('web')).toThrow('instance "web" is not of the form web.1: see gilliam ps');
    expect(() => parseSource('web:1')).toThrow(
      '"web:1" is neither a process (web) nor an instance (web.1): see gilliam ps',
    );
  });

  test('sources of logs', () => {
    expect(parseSource('web')).toEqual({ process: 'web' });
    expect(parseSource('web.2')).toEqual({ process: 'web', ordinal: 2 });
  });
});
