import type { DeepPartial } from '../../../pkg/gen/gilliam/v1/metadata';
import type { ReleaseWeight, RouteSpec, RouteTls } from '../../../pkg/gen/gilliam/v1/route';
import { formatServiceName, parseServiceName } from '../../../pkg/registry/service-name';
import { releaseNumber } from '../../../pkg/resource/release-name';
import { parseDuration } from './duration';
import { UsageError } from './errors';
import type { RouteFlags } from './route-flags';
import { splitTarget } from './route-text';
import { parseHeaderChanges, parseHeaderMatch, parseQueryMatch } from './value-match';

export type RouteRequest = DeepPartial<RouteSpec> & Pick<RouteSpec, 'pattern' | 'target'>;

export interface RouteWords {
  readonly pattern: string;
  /** Absent for a redirect. */
  readonly target?: string;
  /** The route's: what a short target is of. */
  readonly formation: string;
}

/** What a command line asks of a route. Throws UsageError; what only the table of routes can tell is the server's. */
export function routeSpec(
  { pattern, target, formation }: RouteWords,
  flags: RouteFlags,
  readFile: (path: string) => string,
): RouteRequest {
  const redirect = flags.redirect;
  if ((target === undefined) === (redirect === undefined)) {
    throw new UsageError(
      target === undefined
        ? 'TARGET is missing: gilliam route PATTERN web.shop.service, or --redirect LOCATION'
        : 'a target and --redirect do not go together: give one of them',
    );
  }
  return {
    pattern,
    target: target === undefined ? '' : fullTarget(target, formation),
    methods: (flags.method ?? []).map(parseMethod),
    headers: (flags.header ?? []).map(parseHeaderMatch),
    query: (flags.query ?? []).map(parseQueryMatch),
    weights: parseWeights(flags.weight ?? []),
    redirect: redirect === undefined ? undefined : { location: redirect, code: flags.code ?? 0 },
    requestHeaders: parseHeaderChanges('', {
      set: flags['set-header'],
      add: flags['add-header'],
      remove: flags['remove-header'],
    }),
    responseHeaders: parseHeaderChanges('response-', {
      set: flags['response-set-header'],
      add: flags['response-add-header'],
      remove: flags['response-remove-header'],
    }),
    timeouts: parseTimeouts(flags),
    retries: flags.retries,
    sticky: flags.sticky === undefined ? undefined : { cookie: flags.sticky },
    rateLimit: flags['rate-limit'] === undefined ? undefined : parseRateLimit(flags['rate-limit']),
    tls: flags.tls === undefined ? undefined : parseTls(flags.tls, readFile),
  };
}

/** `web/x` → `web.shop.service/x`: inside of a formation, its services have short names. */
function fullTarget(target: string, formation: string): string {
  const { name, path } = splitTarget(target);
  const short = /\.service$|[{}]/.test(name) ? undefined : parseServiceName(name, { formation });
  return short ? `${formatServiceName(short)}${path}` : target;
}

function parseMethod(text: string): string {
  if (/^[A-Za-z]{1,32}$/.test(text)) return text.toUpperCase();
  throw new UsageError(
    `--method ${JSON.stringify(text)} is not a method: write GET, or --method GET --method HEAD`,
  );
}

function parseWeights(words: readonly string[]): ReleaseWeight[] {
  const weights = words.map((word) => {
    const [, release = '', digits] = /^([^=]*)=(\d{1,6})$/.exec(word) ?? [];
    if (digits !== undefined && releaseNumber(release) !== undefined)
      return { release, weight: Number(digits) };
    throw new UsageError(
      `--weight ${JSON.stringify(word)} is not a release's share: write --weight v2=90 --weight v3=10`,
    );
  });
  const twice = weights.find(({ release }, at) => weights.findIndex((one) => one.release === release) !== at);
  if (twice) throw new UsageError(`--weight is given twice for ${twice.release}: say once what it is to be`);
  return weights;
}

function parseTimeouts(flags: RouteFlags): RouteSpec['timeouts'] {
  const { timeout, 'idle-timeout': idle } = flags;
  if (timeout === undefined && idle === undefined) return undefined;
  const ms = (flag: string, text: string | undefined) => {
    if (text === undefined) return 0;
    const parsed = parseDuration(text);
    if (Number.isInteger(parsed) && parsed >= 1 && parsed <= 2 ** 31) return parsed;
    throw new UsageError(`--${flag} ${text} is not a time limit: give at least 1ms, and whole milliseconds`);
  };
  return { responseMs: ms('timeout', timeout), idleMs: ms('idle-timeout', idle) };
}

function parseRateLimit(text: string): RouteSpec['rateLimit'] {
  const [, digits, period = ''] = /^(\d{1,9})\/(.+)$/.exec(text) ?? [];
  const requests = Number(digits);
  if (digits !== undefined && requests > 0) {
    const periodMs = periodMsOf(/^\d/.test(period) ? period : `1${period}`);
    if (periodMs !== undefined) return { requests, periodMs };
  }
  throw new UsageError(`--rate-limit ${JSON.stringify(text)} is not a rate: write 100/s, 1000/m or 5/10s`);
}

function periodMsOf(text: string): number | undefined {
  try {
    const ms = parseDuration(text);
    return Number.isInteger(ms) && ms >= 1 ? ms : undefined;
  } catch {
    return undefined;
  }
}

function parseTls(text: string, readFile: (path: string) => string): Partial<RouteTls> {
  if (text === 'dev') return { development: true };
  const [certificate, key, ...more] = text.split(',');
  if (!certificate || !key || more.length > 0)
    throw new UsageError(`--tls ${JSON.stringify(text)}: give CERT.pem,KEY.pem, or dev`);
  return { certificate: readFile(certificate), privateKey: readFile(key) };
}
