import type { Canary } from '../../../pkg/gen/gilliam/v1/rollout';
import { UsageError } from './errors';

/** Reads `1` or `10%`, and the weight that goes with it; throws UsageError. */
export function parseCanary(size: string | undefined, weight: number | undefined): Canary | undefined {
  if (size === undefined) {
    if (weight === undefined) return undefined;
    throw new UsageError('--weight is the share of a canary: give --canary too, as in --canary 1 --weight 5');
  }
  const [, digits, percent] = /^(\d{1,6})(%?)$/.exec(size) ?? [];
  const value = Number(digits);
  if (digits === undefined || value === 0 || (percent === '%' && value > 100)) {
    throw new UsageError(`${JSON.stringify(size)} is not the size of a canary: write 1, or 10%`);
  }
  if (weight !== undefined && (weight < 0 || weight > 100)) {
    throw new UsageError(`--weight ${weight} is not a share of the requests: it is from 0 to 100, as in 5`);
  }
  return {
    size: percent === '%' ? { $case: 'percent', value } : { $case: 'instances', value },
    ...(weight !== undefined && { trafficPercent: weight }),
  };
}
