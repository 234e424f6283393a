import { trafficSharesOf } from './traffic-shares';
import type { Entry } from './types';

const entry = (
  release: string | undefined,
  trafficPercent?: number,
  source: Entry['source'] = 'agent',
): Entry => ({
  ...{
    formation: 'shop',
    service: 'web',
    instance: '1',
    origin: 'e1',
    version: '1',
    heardMs: 0,
    stale: false,
  },
  source,
  body: { host: '10.0.0.1', port: 1, release, ...(trafficPercent !== undefined && { trafficPercent }) },
});

describe('shares of the requests', () => {
  it('are not there where no release was given one', () => {
    expect(trafficSharesOf([])).toBeUndefined();
    expect(trafficSharesOf([entry('v1'), entry('v2'), entry(undefined)])).toBeUndefined();
  });

  it('a release gets its own, the others the rest', () => {
    expect(trafficSharesOf([entry('v1'), entry('v2', 5), entry(undefined), entry('v2', 5)])).toEqual({
      groups: ['', 'v2', '', 'v2'],
      shares: [
        { release: 'v2', weight: 5 },
        { release: '', weight: 95 },
      ],
    });
  });

  it('nobody is left without an answer', () => {
    expect(trafficSharesOf([entry('v2', 5)])?.shares).toEqual([{ release: 'v2', weight: 5 }]);
    expect(trafficSharesOf([entry('v2', 0)])).toBeUndefined();
    expect(trafficSharesOf([entry('v1'), entry('v2', 0)])?.shares).toEqual([{ release: '', weight: 100 }]);
    expect(trafficSharesOf([entry('v1'), entry('v2', 100)])?.shares).toEqual([
      { release: 'v2', weight: 100 },
    ]);
  });

  it('on the way to another share the smaller one counts, and only what agents say does', () => {
    expect(trafficSharesOf([entry('v1'), entry('v2', 50), entry('v2', 5)])?.shares[0]?.weight).toBe(5);
    expect(trafficSharesOf([entry('v1'), entry('v2', 50, 'external')])).toBeUndefined();
  });
});
