import { z } from 'zod';
import { isLabel, isServiceName, LABEL_RULE } from '../resource/names';

/**
 * The words of a manifest: what people write (`30s`, `256M`, `60%`), and what it stands for. Each is a schema, so that
 * the validator, the JSON Schema and the documentation say the same.
 */

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `30s` → milliseconds. */
export const duration = z
  .string({ error: 'is not a length of time: write 500ms, 30s, 5m, 2h or 1d' })
  .regex(/^\d{1,9}(?:\.\d{1,3})?(?:ms|s|m|h|d)$/, {
    error: 'is not a length of time: write 500ms, 30s, 5m, 2h or 1d',
    abort: true,
  })
  .transform((text) => {
    const [, digits = '', unit = ''] = /^([\d.]+)([a-z]+)$/.exec(text) ?? [];
    return Math.round(Number(digits) * (unitsMs[unit] ?? 0));
  })
  .refine((ms) => ms < 2 ** 32, { error: 'is too long: at most 49d' })
  .meta({ title: 'length of time' });

const units: Readonly<Record<string, number>> = {
  K: 1_000,
  M: 1_000 ** 2,
  G: 1_000 ** 3,
  T: 1_000 ** 4,
  Ki: 1024,
  Mi: 1024 ** 2,
  Gi: 1024 ** 3,
  Ti: 1024 ** 4,
};
const sizeRule = 'is not a size: write 512Mi, 1.5Gi (powers of 1024), or 500M, 2G (powers of 1000)';

/** `512Mi` → bytes. */
export const size = z
  .string({ error: sizeRule })
  .regex(/^\d{1,9}(?:\.\d{1,3})?(?:[KMGT]i?)B?$/, { error: sizeRule, abort: true })
  .transform((text) => {
    const [, digits = '', unit = ''] = /^([\d.]+)([KMGT]i?)/.exec(text) ?? [];
    return BigInt(Math.round(Number(digits) * (units[unit] ?? 0)));
  })
  .meta({ title: 'size' });

/** `60%` → 60. */
export const percentage = z
  .string({ error: 'is not a share: write 60%' })
  .regex(/^\d{1,5}%$/, { error: 'is not a share: write 60%', abort: true })
  .transform((text) => Number(text.slice(0, -1)))
  .meta({ title: 'share' });

/** `5%`, at most all. */
export const share = percentage.refine((percent) => percent >= 1 && percent <= 100, {
  error: 'is not a share of the whole: write 1% to 100%',
});

/** Processors: `0.5` → thousandths. */
export const cpu = z
  .number({ error: 'is not a number of processors: write 0.5 or 2' })
  .min(0, { error: 'is below 0' })
  .max(1_024, { error: 'is over the limit of 1024 processors' })
  .transform((processors) => Math.round(processors * 1_000))
  .meta({ title: 'processors' });

/** A whole number within bounds. */
export function count(least: number, most: number) {
  const rule = `must be a whole number from ${least.toLocaleString('en-US')} to ${most.toLocaleString('en-US')}`;
  return z.int({ error: rule }).min(least, { error: rule }).max(most, { error: rule });
}

export const port = count(1, 65_535).meta({ title: 'port' });

/** A name that DNS takes. */
export const label = z
  .string()
  .refine(isLabel, { error: `is not allowed as a name: ${LABEL_RULE}` })
  .meta({ title: 'name', pattern: '^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$' });

/** `web`, or `_cache`. */
export const serviceName = z
  .string()
  .refine(isServiceName, { error: `is not allowed as the name of a service: ${LABEL_RULE}` })
  .meta({ title: 'service', pattern: '^_?[a-z]([-a-z0-9]{0,61}[a-z0-9])?$' });

/** The value of a variable: numbers and booleans are taken as they are written. */
export const variable = z
  .union([z.string(), z.number(), z.boolean()])
  .transform(String)
  .meta({ title: 'value' });

export const variables = z.record(z.string(), variable);

/** One or several of something. */
export function oneOrMore<T extends z.ZodType>(item: T) {
  return z.union([item, z.array(item)]).transform((value) => (Array.isArray(value) ? value : [value]));
}
