import { HealthCheck, Process } from '../gen/gilliam/v1/release';
import { graceMsOf, healthTimingOf, limitsOf, pageSizeOf, rankOf } from './defaults';

describe('defaults stand for what is absent', () => {
  test('of a process', () => {
    const absent = Process.fromPartial({});
    expect(graceMsOf(absent)).toBe(10_000);
    expect(rankOf(absent)).toBe('-ncont');
    expect(limitsOf(absent)).toEqual({ cpuMillis: 0, memoryBytes: 0n, pids: 4_096 });
  });

  test('and not for what is given', () => {
    const given = Process.fromPartial({
      graceMs: 5,
      rank: 'ncont',
      resources: { cpuMillis: 100, memoryBytes: 7n, pids: 64 },
    });
    expect(graceMsOf(given)).toBe(5);
    expect(rankOf(given)).toBe('ncont');
    expect(limitsOf(given)).toEqual({ cpuMillis: 100, memoryBytes: 7n, pids: 64 });
  });

  test('of a health check', () => {
    expect(healthTimingOf(HealthCheck.fromPartial({}))).toEqual({
      intervalMs: 5_000,
      startingIntervalMs: 500,
      timeoutMs: 2_000,
      failureThreshold: 3,
    });
    expect(healthTimingOf(HealthCheck.fromPartial({ intervalMs: 200 })).startingIntervalMs).toBe(200);
  });

  test.each([
    [0, 500],
    [-1, 500],
    [7, 7],
    [9_999, 5_000],
  ])('a page size of %s is %s', (requested, size) => {
    expect(pageSizeOf(requested)).toBe(size);
  });
});
