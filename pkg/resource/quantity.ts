const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** `512 MiB`, `1.5 GiB`: at most one decimal, cut off and not rounded, so that 511.99 MiB never reads 512 MiB. */
export function formatBytes(bytes: bigint | number): string {
  const value = Number(bytes);
  if (value < 0) return `-${formatBytes(-value)}`;
  let power = 0;
  while (power < units.length - 1 && value >= 1024 ** (power + 1)) power++;
  return `${cut(value / 1024 ** power, 1)} ${units[power]}`;
}

/** `0.5 CPU`, `2 CPU` of thousandths. */
export function formatCpu(millis: number): string {
  return `${cut(millis / 1000, 3)} CPU`;
}

/** `1,048,576` */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US');
}

function cut(value: number, decimals: number): string {
  const scale = 10 ** decimals;
  return String(Math.trunc(Number((value * scale).toFixed(6))) / scale);
}
