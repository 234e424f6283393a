import { formatBytes, formatCpu } from './quantity';

describe('quantities for people', () => {
  test.each<[bigint | number, string]>([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024n, '1 KiB'],
    [1536, '1.5 KiB'],
    [512n << 20n, '512 MiB'],
    // Cut off: what does not fit must not read as if it did.
    [(512n << 20n) - 1n, '511.9 MiB'],
    [2n << 30n, '2 GiB'],
    [64n << 40n, '64 TiB'],
    [5000n << 40n, '5000 TiB'],
    [-1024, '-1 KiB'],
  ])('%s bytes are %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  test.each([
    [0, '0 CPU'],
    [1, '0.001 CPU'],
    [500, '0.5 CPU'],
    [290, '0.29 CPU'],
    [4_000, '4 CPU'],
  ])('%s thousandths are %s', (millis, text) => {
    expect(formatCpu(millis)).toBe(text);
  });
});
