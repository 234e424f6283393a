import * as Flags from '@oclif/core/flags';

const several = { multiple: true, multipleNonGreedy: true } as const;

/** What narrows down which requests a route is for. */
const matching = {
  method: Flags.string({
    ...several,
    description: 'only this method; may be given several times',
    helpGroup: 'MATCH',
    helpValue: 'M',
  }),
  header: Flags.string({
    ...several,
    description:
      "only with this header: 'Name: value', 'Name~regex', or 'Name'; with --test, a header of the request",
    helpGroup: 'MATCH',
    helpValue: 'H',
  }),
  query: Flags.string({
    ...several,
    description: "only with this in the query: 'name=value', 'name~regex', or 'name'",
    helpGroup: 'MATCH',
    helpValue: 'Q',
  }),
};

const leading = {
  weight: Flags.string({
    ...several,
    description: 'the share of a release, in relation to the others’; without, all instances are alike',
    helpGroup: 'LEAD',
    helpValue: 'v2=90',
  }),
  redirect: Flags.string({
    description:
      'instead of a target: send the client elsewhere, to a URL or path with variables of the pattern',
    helpGroup: 'LEAD',
    helpValue: 'LOCATION',
  }),
  code: Flags.integer({
    description: "the redirect's status; default 302",
    helpGroup: 'LEAD',
    dependsOn: ['redirect'],
    helpValue: '301',
  }),
  sticky: Flags.string({
    description: 'a client keeps its instance, by a cookie; default name gilliam',
    helpGroup: 'LEAD',
    helpValue: '[=COOKIE]',
  }),
};

const change = (description: string, helpValue: string) =>
  Flags.string({ ...several, description, helpGroup: 'CHANGE', helpValue });

const changing = {
  'set-header': change('give the request this header, in place of its own', "'N: V'"),
  'add-header': change('give the request this header besides its own', "'N: V'"),
  'remove-header': change('take this header from the request', 'N'),
  'response-set-header': change('give the answer this header, in place of its own', "'N: V'"),
  'response-add-header': change('give the answer this header besides its own', "'N: V'"),
  'response-remove-header': change('take this header from the answer', 'N'),
};

const limiting = {
  timeout: Flags.string({
    description: 'how long the service may be silent, before its answer and within; default 60s',
    helpGroup: 'LIMIT',
    helpValue: 'TIME',
  }),
  'idle-timeout': Flags.string({
    description: 'how long both sides of a WebSocket may be silent; default 1h',
    helpGroup: 'LIMIT',
    helpValue: 'TIME',
  }),
  retries: Flags.integer({
    description: 'how often a request that no instance has seen is tried elsewhere; default 2',
    helpGroup: 'LIMIT',
    min: 0,
    helpValue: 'N',
  }),
  'rate-limit': Flags.string({
    description: 'how many requests each client address may make',
    helpGroup: 'LIMIT',
    helpValue: '100/s',
  }),
  tls: Flags.string({
    description: "the host's certificate: two PEM files, or dev for one made for development",
    helpGroup: 'LIMIT',
    helpValue: 'CERT,KEY|dev',
  }),
};

/** Everything of a route but its pattern and its target. */
export const routeFlags = { ...matching, ...leading, ...changing, ...limiting };

/** Their values, as the parser gives them. */
export interface RouteFlags {
  readonly method?: readonly string[];
  readonly header?: readonly string[];
  readonly query?: readonly string[];
  readonly weight?: readonly string[];
  readonly redirect?: string;
  readonly code?: number;
  readonly sticky?: string;
  readonly 'set-header'?: readonly string[];
  readonly 'add-header'?: readonly string[];
  readonly 'remove-header'?: readonly string[];
  readonly 'response-set-header'?: readonly string[];
  readonly 'response-add-header'?: readonly string[];
  readonly 'response-remove-header'?: readonly string[];
  readonly timeout?: string;
  readonly 'idle-timeout'?: string;
  readonly retries?: number;
  readonly 'rate-limit'?: string;
  readonly tls?: string;
}

/** `--sticky` alone stands for the usual cookie: oclif has no flags whose value may be left out. */
export function completeSticky(argv: readonly string[]): string[] {
  const end = argv.indexOf('--');
  return argv.map((word, at) =>
    word === '--sticky' && (end === -1 || at < end) ? '--sticky=gilliam' : word,
  );
}
