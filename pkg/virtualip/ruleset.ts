import { isDeepStrictEqual } from 'node:util';
import { parseRange } from './address-range';

/** A port of a name's virtual address, and what is behind it. */
export interface VirtualService {
  /** `web.shop.service`, for whoever reads the rules. */
  readonly name: string;
  readonly address: string;
  readonly port: number;
  /** Never empty: a service without endpoints is left out, and refused. */
  readonly endpoints: readonly Target[];
  /** Where endpoints have shares: which of them each of so many connections in a row goes to. */
  readonly turns?: readonly number[];
}

/** Where a connection is sent. */
export interface Target {
  readonly address: string;
  readonly port: number;
}

/** What stays the same as long as the table exists. */
export interface Frame {
  /** The table's name, of family ip. */
  readonly table: string;
  /** `198.18.16.0/20` */
  readonly range: string;
  /** The resolver's address, and where its queries are answered. */
  readonly resolver?: { readonly address: string; readonly target: Target };
}

/** The set of virtual addresses that counts the connections made to each, or tried. */
export const connectionSet = 'connections';
const maxCounted = 65_536;

/** The services by their names: all ports of a name in one list, which is replaced as a whole when one changes. */
export type Services = ReadonlyMap<string, readonly VirtualService[]>;

/**
 * The table whole, in place of whatever it was: one transaction, in which no packet meets half of it. Connections that
 * are established stay with their endpoints, since the kernel remembers those by itself.
 */
export function renderTable(frame: Frame, services: Services): string {
  return lines([
    `add table ip ${frame.table}`,
    `delete table ip ${frame.table}`,
    ...frameLines(frame),
    ...[...services.values()].flat().flatMap((service) => serviceLines(frame.table, service)),
  ]);
}

/** The frame alone, over a table that may have it already: the services in it stay as they are. */
export function renderFrame(frame: Frame): string {
  return lines(frameLines(frame));
}

/**
 * What leads from one state to the other, each changed chain whole; empty where they are the same. Every line can be
 * said to a table that has it already.
 */
export function renderChanges(table: string, before: Services, after: Services): string {
  const changed: string[] = [];
  for (const [name, list] of before) {
    if (after.get(name) === list) continue;
    for (const service of list) {
      if (!after.get(name)?.some((other) => chainOf(other) === chainOf(service))) {
        changed.push(...emptyLines(table, service));
      }
    }
  }
  for (const [name, list] of after) {
    const old = before.get(name);
    if (old === list) continue;
    for (const service of list) {
      const same = old?.find((other) => chainOf(other) === chainOf(service));
      if (!same || !sameEndpoints(same, service)) changed.push(...serviceLines(table, service));
    }
  }
  return changed.length === 0 ? '' : lines(changed);
}

/** Whether two lists of one name's services would be the same rules. */
export function sameServices(one: readonly VirtualService[], other: readonly VirtualService[]): boolean {
  return (
    one.length === other.length &&
    one.every((service, index) => {
      const twin = other[index] as VirtualService;
      return chainOf(service) === chainOf(twin) && sameEndpoints(service, twin);
    })
  );
}

function frameLines({ table, range, resolver }: Frame): string[] {
  const { first, last } = parseRange(range);
  const size = Math.min(last - first + 1, maxCounted);
  const chain = (name: string, rules: readonly string[], hook?: string) => [
    `add chain ip ${table} ${name}${hook === undefined ? '' : ` { ${hook}; policy accept; }`}`,
    `flush chain ip ${table} ${name}`,
    ...rules.map((rule) => `add rule ip ${table} ${name} ${rule}`),
  ];
  const redirect = resolver && {
    match: `ip daddr ${resolver.address} meta l4proto { tcp, udp } th dport 53`,
    to: `dnat to ${resolver.target.address}:${resolver.target.port}`,
  };
  const reset = `ip daddr ${range} meta l4proto tcp reject with tcp reset`;
  const unreachable = `ip daddr ${range} reject with icmp port-unreachable`;
  const enter = `ip daddr ${range} jump services`;
  return [
    `add table ip ${table}`,
    `add map ip ${table} ports { type ipv4_addr . inet_service : verdict; }`,
    `add set ip ${table} ${connectionSet} { type ipv4_addr; size ${size}; flags dynamic; counter; }`,
    ...chain('services', [
      ...(redirect ? [`${redirect.match} ${redirect.to}`] : []),
      // First packets only come here: one is one connection. A set that is full would end this rule, not the next.
      `meta l4proto tcp update @${connectionSet} { ip daddr }`,
      'meta l4proto tcp ip daddr . tcp dport vmap @ports',
    ]),
    ...chain('prerouting', [enter], 'type nat hook prerouting priority dstnat - 10'),
    ...chain('output', [enter], 'type nat hook output priority -110'),
    // Answers have to come back through this machine, also those between two containers of one bridge.
    ...chain(
      'postrouting',
      [`ct status dnat ct original ip daddr ${range} masquerade`],
      'type nat hook postrouting priority srcnat - 10',
    ),
    // What was not translated has nowhere to go. Connections are refused before routing, since the machine may have no
    // route for them at all; other packets after it, because a bridge sends no ICMP for its own.
    ...chain('refuse', [reset], 'type filter hook prerouting priority dstnat + 10'),
    ...chain('refuse_routed', [unreachable], 'type filter hook forward priority filter - 10'),
    ...chain('refuse_own', [reset, unreachable], 'type filter hook output priority filter - 10'),
  ];
}

function serviceLines(table: string, service: VirtualService): string[] {
  const chain = chainOf(service);
  return [
    ...emptyLines(table, service),
    `add rule ip ${table} ${chain} meta l4proto tcp dnat ip to ${balance(service)} comment "${commentOf(service)}"`,
    ...lastResort(table, service),
    `add element ip ${table} ports { ${service.address} . ${service.port} : goto ${chain} }`,
  ];
}

/**
 * For what comes by while the rule is exchanged: the kernel may be at it, and find its map empty already. It would be
 * refused.
 */
function lastResort(table: string, service: VirtualService): string[] {
  const [first, ...others] = service.endpoints;
  if (!first || others.length === 0) return [];
  return [
    `add rule ip ${table} ${chainOf(service)} meta l4proto tcp dnat ip to ${first.address}:${first.port}`,
  ];
}

/** A chain without a rule: connections leave it untranslated, and are refused. */
function emptyLines(table: string, service: VirtualService): string[] {
  const chain = chainOf(service);
  return [`add chain ip ${table} ${chain}`, `flush chain ip ${table} ${chain}`];
}

/** For whoever lists the rules: nft takes 128 bytes. */
function commentOf({ name, port }: VirtualService): string {
  return `${name.length > 120 ? `${name.slice(0, 119)}~` : name}:${port}`;
}

/** Every new connection to the next endpoint, or the one whose turn it is. */
function balance({ endpoints, turns = endpoints.map((_, index) => index) }: VirtualService): string {
  const targets = turns.map((index) => endpoints[index] as Target);
  const [only] = targets as [Target];
  if (targets.length === 1) return `${only.address}:${only.port}`;
  const map = targets.map(({ address, port }, index) => `${index} : ${address} . ${port}`);
  return `numgen inc mod ${targets.length} map { ${map.join(', ')} }`;
}

function chainOf({ address, port }: VirtualService): string {
  return `to_${address.replaceAll('.', '_')}_${port}`;
}

function sameEndpoints(one: VirtualService, other: VirtualService): boolean {
  return (
    one.endpoints.length === other.endpoints.length &&
    isDeepStrictEqual(one.turns, other.turns) &&
    one.endpoints.every(({ address, port }, index) => {
      const twin = other.endpoints[index] as Target;
      return twin.address === address && twin.port === port;
    })
  );
}

function lines(all: readonly string[]): string {
  return all.map((line) => `${line}\n`).join('');
}
