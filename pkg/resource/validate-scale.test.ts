import { ExhaustedError, InvalidError, PreconditionError } from '../base/errors';
import { Process } from '../gen/gilliam/v1/release';
import type { Formation, Release, Scale } from './objects';
import { formations, releases, scales } from './objects';
import { validateScale } from './validate-scale';

const empty = new Uint8Array();

function formationOf(maxInstances = 0): Formation {
  const formation = formations.decode(empty);
  return {
    ...formation,
    metadata: { ...formation.metadata, name: 'shop' },
    spec: { ...formation.spec, limits: { maxInstances } },
  };
}

function releaseOf(name: string, processes: readonly string[], image = 'sha256:1'): Release {
  const release = releases.decode(empty);
  const process = Process.fromPartial({});
  return {
    metadata: { ...release.metadata, name, formation: 'shop' },
    spec: {
      ...release.spec,
      image,
      processes: Object.fromEntries(processes.map((each) => [each, process])),
    },
  };
}

function scaleOf(name: string, factors: Record<string, number>): Scale {
  const scale = scales.decode(empty);
  return { ...scale, metadata: { ...scale.metadata, name, formation: 'shop' }, spec: { factors } };
}

function validate(
  named: Record<string, number>,
  options: { release?: Release; scales?: readonly Scale[]; max?: number } = {},
): void {
  const release = options.release ?? releaseOf('v2', ['web', 'worker']);
  const now = options.scales ?? [];
  const own = now.find(({ metadata }) => metadata.name === release.metadata.name);
  validateScale({
    formation: formationOf(options.max),
    release,
    scales: now,
    named,
    factors: { ...own?.spec.factors, ...named },
  });
}

describe('a scale is taken', () => {
  test.each<Record<string, number>>([{ web: 2, worker: 4 }, { web: 0 }, { web: 1_000 }, {}])(
    '%j',
    (named) => {
      expect(() => validate(named)).not.toThrow();
    },
  );

  test('down, above a limit that was lowered', () => {
    expect(() => validate({ web: 15 }, { max: 10, scales: [scaleOf('v2', { web: 20 })] })).not.toThrow();
  });
});

describe('a scale is refused', () => {
  test('of a release without an image, first of all', () => {
    const release = releaseOf('v1', [], '');
    expect(() => validate({ web: 1 }, { release })).toThrow(
      new PreconditionError('v1 has no image: gilliam deploy first'),
    );
  });

  test.each<[Record<string, number>, string]>([
    [{ workr: 1 }, 'v2 has no process "workr": did you mean "worker"?'],
    [{ database: 1 }, 'v2 has no process "database": there are web and worker'],
    [{ constructor: 1 }, 'v2 has no process "constructor": there are web and worker'],
    [{ web: -1 }, 'scale factor of web is -1: it must be from 0 to 100,000'],
    [{ web: 1.5 }, 'scale factor of web is 1.5: it must be from 0 to 100,000'],
    [{ web: NaN }, 'scale factor of web is NaN: it must be from 0 to 100,000'],
    [{ web: 100_001 }, 'scale factor of web is 100,001: it must be from 0 to 100,000'],
    [
      { web: -1, x: 1 },
      'scale factor of web is -1: it must be from 0 to 100,000 (and 1 more fault: scale.spec.factors.x)',
    ],
  ])('%j', (named, message) => {
    expect(() => validate(named)).toThrow(new InvalidError(message));
  });

  test.each<[number, Record<string, number>, string]>([
    [0, { web: 1_001 }, 'shop would have 1,001 instances, over its limit of 1,000: '],
    [10, { web: 5 }, 'shop would have 11 instances, over its limit of 10: '],
  ])('over the limit of %s', (max, named, message) => {
    const others = max === 0 ? [] : [scaleOf('v1', { web: 4 }), scaleOf('v2', { web: 1, worker: 2 })];
    expect(() => validate(named, { max, scales: others })).toThrow(
      new ExhaustedError(`${message}scale something down, or raise the formation's limit`),
    );
  });
});

describe('auxiliary services', () => {
  const volumes = [{ name: 'data', path: '/data' }];
  const release = (process: object): Release => ({
    ...releaseOf('v2', [], ''),
    spec: {
      ...releaseOf('v2', [], '').spec,
      processes: { _db: Process.fromPartial({ image: 'sha256:1', ...process }) },
    },
  });

  test('have images of their own', () => {
    expect(() => validate({ _db: 2 }, { release: release({}) })).not.toThrow();
  });

  test('with a volume are scaled to one at most', () => {
    expect(() => validate({ _db: 1 }, { release: release({ volumes }) })).not.toThrow();
    expect(() => validate({ _db: 2 }, { release: release({ volumes }) })).toThrow(
      '_db has the volume "data", and 2 instances would each keep data of their own in it: scale it to 1, or leave the volume out',
    );
  });
});
