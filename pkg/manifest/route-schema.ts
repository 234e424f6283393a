import { z } from 'zod';
import type { HeaderChange, RouteSpec, ValueMatch } from '../gen/gilliam/v1/route';
import { HeaderChange_Action, RouteSpec as RouteSpecMessage } from '../gen/gilliam/v1/route';
import { count, duration, label, oneOrMore } from './values';

const match = z.record(
  z.string(),
  z.union([
    z.string(),
    z.boolean(),
    z.strictObject({ regex: z.string().describe('The whole value must match.') }),
  ]),
);

type Match = z.output<typeof match>;

function matches(given: Match | undefined): ValueMatch[] {
  return Object.entries(given ?? {}).map(([name, value]): ValueMatch => {
    if (typeof value === 'string') return { name, match: { $case: 'value', value } };
    if (typeof value === 'boolean') return { name, match: { $case: 'present', value } };
    return { name, match: { $case: 'regex', value: value.regex } };
  });
}

const changes = z
  .strictObject({
    set: z.record(z.string(), z.string()).optional().describe('In place of what there is.'),
    add: z.record(z.string(), z.string()).optional().describe('Besides what there is.'),
    remove: oneOrMore(z.string()).optional(),
  })
  .transform(({ set = {}, add = {}, remove = [] }): HeaderChange[] => [
    ...Object.entries(set).map(([name, value]) => ({ action: HeaderChange_Action.SET, name, value })),
    ...Object.entries(add).map(([name, value]) => ({ action: HeaderChange_Action.ADD, name, value })),
    ...remove.map((name) => ({ action: HeaderChange_Action.REMOVE, name, value: '' })),
  ])
  .describe('With variables of the pattern.')
  .meta({ examples: [{ set: { 'X-Account': '{acct}' } }] });

const rateRule = 'is not a rate: write 100/s, 1000/m or 5/10s';
const unitsMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 };

const rateLimit = z
  .string({ error: rateRule })
  .regex(/^[1-9]\d{0,8}\/\d{0,4}[smh]$/, { error: rateRule })
  .transform((text) => {
    const [, requests = '', number = '', unit = 's'] = /^(\d+)\/(\d*)([smh])$/.exec(text) ?? [];
    return { requests: Number(requests), periodMs: Number(number || 1) * (unitsMs[unit] ?? 1_000) };
  });

const settings = {
  methods: oneOrMore(z.string().transform((method) => method.toUpperCase()))
    .optional()
    .describe('Only these.')
    .meta({ examples: [['GET', 'HEAD']] }),
  headers: match
    .optional()
    .describe('Only with these: a value, `{regex: …}`, or `true` and `false` for whether it is there.')
    .meta({ examples: [{ 'X-Beta': true }] }),
  query: match.optional().describe('Only with these in the query.'),
  weights: z
    .record(z.string(), count(0, 1_000_000))
    .optional()
    .describe("Shares of the target's releases.")
    .meta({ examples: [{ v2: 90, v3: 10 }] }),
  redirect: z
    .union([
      z.string(),
      z.strictObject({
        location: z.string().describe('A URL or a path, with variables of the pattern.'),
        code: z.int().optional().meta({ default: 302 }),
      }),
    ])
    .optional()
    .describe('Instead of a target: send the client elsewhere.')
    .meta({ examples: ['https://shop.example/{rest}'] }),
  request_headers: changes.optional(),
  response_headers: changes.optional(),
  timeout: duration.optional().describe('To the first byte of the answer.').meta({ default: '60s' }),
  idle_timeout: duration
    .optional()
    .describe('Of silence on both sides of a WebSocket.')
    .meta({ default: '1h' }),
  retries: count(0, 100)
    .optional()
    .describe('How often a request that no instance has seen is tried elsewhere.')
    .meta({ default: 2 }),
  sticky: z
    .union([z.boolean(), z.string()])
    .optional()
    .describe('A client keeps its instance, by a cookie: `true`, or its name.'),
  rate_limit: rateLimit
    .optional()
    .describe('Of each client address.')
    .meta({ examples: ['100/s'] }),
  tls: z
    .union([
      z.literal('dev'),
      z.strictObject({
        certificate: z.string().min(1).describe('A file in PEM, with what leads to its authority.'),
        key: z.string().min(1).describe('A file in PEM, without a passphrase.'),
      }),
    ])
    .optional()
    .describe(
      '`dev` for a certificate made for development; or files, from the directory of this one, as they are when it is applied.',
    )
    .meta({ examples: ['dev', { certificate: 'tls/shop.pem', key: 'tls/shop.key' }] }),
};

const target = z
  .string()
  .describe("A service and a path, with the pattern's variables: `web`, `web.shop.service/{rest}`.")
  .meta({ examples: ['web'] });
const pattern = z
  .string()
  .describe(
    '`host/path`; `{name}` takes a label of the host or a segment of the path, `{name:regex}` what it matches.',
  )
  .meta({ examples: ['shop.example/user/{username}'] });

const routeSchema = z.strictObject({ pattern: pattern.optional(), target: target.optional(), ...settings });

/** A route as it is described; `key` is what it stands under: its name, or, where it has no pattern, its pattern. */
export interface ManifestRoute {
  readonly key: string;
  /** Absent where the key is the pattern: a name is made of it. */
  readonly name?: string;
  /** But for a certificate of files. */
  readonly spec: RouteSpec;
  readonly tls?: TlsFiles;
}

/** Where a certificate and its key are, as the manifest says it. */
export interface TlsFiles {
  readonly certificate: string;
  readonly key: string;
}

/** `{myapp.com/: web}`, or by name: `{home: {pattern: myapp.com/, target: web}}`. */
export const routes = z
  .record(z.string(), z.union([target, routeSchema]))
  .transform((all): ManifestRoute[] =>
    Object.entries(all).map(([key, value]) => {
      const given: z.output<typeof routeSchema> = typeof value === 'string' ? { target: value } : value;
      const named = given.pattern !== undefined;
      return {
        key,
        ...(named && { name: key }),
        spec: specOf({ ...given, pattern: given.pattern ?? key }),
        ...(typeof given.tls === 'object' && { tls: given.tls }),
      };
    }),
  )
  .describe('What leads requests from outside to services: pattern → target, or by name.')
  .meta({ examples: [{ 'shop.example/': 'web' }] });

function specOf(given: z.output<typeof routeSchema>): RouteSpec {
  const { redirect, sticky, timeout, idle_timeout: idle, weights = {}, retries } = given;
  return RouteSpecMessage.fromPartial({
    pattern: given.pattern ?? '',
    target: given.target ?? '',
    methods: given.methods ?? [],
    headers: matches(given.headers),
    query: matches(given.query),
    weights: Object.entries(weights).map(([release, weight]) => ({ release, weight })),
    ...(redirect !== undefined && {
      redirect: typeof redirect === 'string' ? { location: redirect, code: 0 } : { code: 0, ...redirect },
    }),
    requestHeaders: given.request_headers ?? [],
    responseHeaders: given.response_headers ?? [],
    ...((timeout ?? idle) !== undefined && { timeouts: { responseMs: timeout ?? 0, idleMs: idle ?? 0 } }),
    ...(retries !== undefined && { retries }),
    ...(sticky !== undefined && sticky !== false && { sticky: { cookie: sticky === true ? '' : sticky } }),
    ...(given.rate_limit && { rateLimit: given.rate_limit }),
    ...(given.tls === 'dev' && { tls: { development: true } }),
  });
}

/** A route's name is a label of its formation. */
export const isRouteName = (name: string): boolean => label.safeParse(name).success;
