import type { RouteSpec } from '../gen/gilliam/v1/route';
import { quote } from '../resource/names';
import { formatCount } from '../resource/quantity';
import { releaseNumber } from '../resource/release-name';
import type { Violations } from '../resource/violations';
import type { Target } from './types';
import { isToken } from './value-tests';

export const DEFAULT_COOKIE = 'gilliam';
export const DEFAULT_RETRIES = 2;
export const DEFAULT_TIMEOUT_MS = 60_000;
export const DEFAULT_RATE_PERIOD_MS = 1_000;

const MAX_METHODS = 16;
const MAX_WEIGHTS = 16;
const MAX_WEIGHT = 1_000;
const MAX_RETRIES = 10;
const MAX_TIMEOUT_MS = 86_400_000;
const MIN_TIMEOUT_MS = 10;
const MAX_RATE = 1_000_000;
const MIN_RATE_PERIOD_MS = 100;
const MAX_RATE_PERIOD_MS = 3_600_000;

/** Checks what a route says besides what it matches and where it leads. `target` is absent for a redirect. */
export function checkOptions(spec: RouteSpec, target: Target | undefined, found: Violations): void {
  checkMethods(spec.methods, found);
  checkWeights(spec, target, found);
  const { timeouts, rateLimit, sticky } = spec;
  if (spec.retries !== undefined) {
    found.range(spec.retries, { least: 0, most: MAX_RETRIES }, 'route.spec.retries', { what: 'retries' });
  }
  for (const [name, value] of [
    ['response_ms', timeouts?.responseMs ?? 0],
    ['idle_ms', timeouts?.idleMs ?? 0],
  ] as const) {
    if (value === 0) continue;
    const bounds = { least: MIN_TIMEOUT_MS, most: MAX_TIMEOUT_MS };
    found.range(value, bounds, `route.spec.timeouts.${name}`, {
      what: `timeout ${name}`,
      show: formatMs,
    });
  }
  if (rateLimit) {
    found.range(rateLimit.requests, { least: 1, most: MAX_RATE }, 'route.spec.rate_limit.requests', {
      what: 'rate limit',
    });
    if (rateLimit.periodMs !== 0) {
      const bounds = { least: MIN_RATE_PERIOD_MS, most: MAX_RATE_PERIOD_MS };
      const describe = { what: 'period of the rate limit', show: formatMs };
      found.range(rateLimit.periodMs, bounds, 'route.spec.rate_limit.period_ms', describe);
    }
  }
  if (sticky && sticky.cookie !== '') {
    found.require(
      isToken(sticky.cookie) && sticky.cookie.length <= 64,
      'route.spec.sticky.cookie',
      () => `cookie ${quote(sticky.cookie)} is not a name of a cookie: use 1 to 64 letters, digits, - and _`,
    );
  }
}

function checkMethods(methods: readonly string[], found: Violations): void {
  const field = 'route.spec.methods';
  found.require(
    methods.length <= MAX_METHODS,
    field,
    () => `${methods.length} methods: at most ${MAX_METHODS}`,
  );
  for (const method of methods) {
    found.require(/^[A-Z][A-Z-]{0,31}$/.test(method), field, () =>
      /^[A-Za-z]+$/.test(method)
        ? `method ${quote(method)} is not in upper case: did you mean ${quote(method.toUpperCase())}?`
        : `method ${quote(method)} is not a method of HTTP`,
    );
    found.require(method !== 'CONNECT', field, () => 'method CONNECT is not routed: it asks for a proxy');
  }
  found.require(new Set(methods).size === methods.length, field, () => 'a method is named twice');
}

function checkWeights({ weights }: RouteSpec, target: Target | undefined, found: Violations): void {
  if (weights.length === 0) return;
  const field = 'route.spec.weights';
  found.require(
    weights.length <= MAX_WEIGHTS,
    field,
    () => `${weights.length} weights: at most ${MAX_WEIGHTS}`,
  );
  if (!target) found.add(field, 'a redirect has no releases: leave the weights out');
  if (target?.instance !== undefined || target?.release !== undefined) {
    found.add(field, 'the target names an instance or a release already: leave it or the weights out');
  }
  for (const { release, weight } of weights) {
    found.require(
      releaseNumber(release) !== undefined,
      field,
      () => `release ${quote(release)} is not of the form v1, v2, …: see gilliam releases`,
    );
    found.range(weight, { least: 0, most: MAX_WEIGHT }, field, { what: `weight of ${quote(release)}` });
  }
  found.require(
    new Set(weights.map(({ release }) => release)).size === weights.length,
    field,
    () => 'a release has two weights',
  );
  found.require(
    weights.some(({ weight }) => weight > 0),
    field,
    () => 'all weights are 0: nobody would get any traffic',
  );
}

function formatMs(ms: number): string {
  return `${formatCount(ms)} ms`;
}
