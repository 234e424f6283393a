import { CronJobSpec } from '../../gen/gilliam/v1/cron_job';
import type { FormationSpec, ScalingRule } from '../../gen/gilliam/v1/formation';
import type { ReleaseSpec } from '../../gen/gilliam/v1/release';
import { RouteSpec } from '../../gen/gilliam/v1/route';
import { commandLine, type Fields } from './describe-process';

/** What a release says besides its processes. */
export function releaseFields({ image, config }: ReleaseSpec): Fields {
  return new Map([
    ...(image === '' ? [] : [['image', image] as const]),
    ...Object.entries(config).map(([name, value]) => [`config.${name}`, value] as const),
  ]);
}

export function formationFields({ limits, scaling, shares, imports }: FormationSpec): Fields {
  return new Map([
    ...(limits?.maxInstances ? [['limits.max_instances', String(limits.maxInstances)] as const] : []),
    ...Object.entries(scaling).map(([name, rule]) => [`scaling.${name}`, ruleText(rule)] as const),
    ...Object.entries(shares).map(([name, share]) => [`shares.${name}`, share.with.join(', ')] as const),
    ...Object.entries(imports).map(([name, target]) => [`imports.${name}`, target] as const),
  ]);
}

export function routeFields(spec: RouteSpec): Fields {
  const { tls, ...rest } = spec;
  const fields = jsonFields(RouteSpec.toJSON({ ...rest, tls: undefined }));
  if (!tls) return fields;
  const certificate = tls.development ? 'for development' : `certificate ${tls.fingerprint.slice(0, 12)}`;
  return new Map([...fields, ['tls', certificate]]);
}

/** `api.example.com/ → web.shop.service` */
export function routeInShort({ pattern, target, redirect }: RouteSpec): string {
  return `${pattern} → ${redirect ? `redirect to ${redirect.location}` : target}`;
}

export function cronFields(spec: CronJobSpec): Fields {
  const fields = new Map(jsonFields(CronJobSpec.toJSON({ ...spec, command: [] })));
  return fields.set('command', commandLine(spec.command));
}

/** `30 2 * * * backup` */
export function cronInShort({ schedule, command }: CronJobSpec): string {
  return `${schedule} ${commandLine(command)}`;
}

function ruleText({ min, max, target }: ScalingRule): string {
  const { cpuPercent = 0, memoryPercent = 0, requestsPerSecond = 0, p95Ms = 0 } = target ?? {};
  return [
    `${min} to ${max}`,
    ...(cpuPercent ? [`cpu ${cpuPercent}%`] : []),
    ...(memoryPercent ? [`memory ${memoryPercent}%`] : []),
    ...(requestsPerSecond ? [`rps ${requestsPerSecond}`] : []),
    ...(p95Ms ? [`p95 ${p95Ms}ms`] : []),
  ].join(', ');
}

/** One entry a field of the message; what is not plain text as JSON. */
function jsonFields(json: unknown): Map<string, string> {
  return new Map(
    Object.entries(json as Record<string, unknown>).map(([name, value]) => [
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      typeof value === 'string' ? value : JSON.stringify(value),
    ]),
  );
}
