import type { Bridge } from './bridge-of';
import type { GuardedService, GuardState, Seat } from './guard-state';
import type { Target } from './ruleset';

/** What stays the same as long as the guard does. */
export interface GuardFrame {
  /** The tables' name, of families inet and bridge. */
  readonly table: string;
  /** The bridge that containers are on. Absent: only known instances are held back. */
  readonly bridge?: Bridge;
}

/**
 * What this machine's containers may open connections to, of all that is routed: the whole table, in one transaction.
 * Twice: before destinations are translated, for ports that are published here, and after, for whatever virtual
 * addresses lead to. Connections that are established pass by the first rule. Nothing that the machine itself sends comes
 * this way.
 */
export function renderGuard({ table, bridge }: GuardFrame, state: GuardState): string {
  const of = `inet ${table}`;
  const [addresses, places, published]: [string[], string[], string[]] = [[], [], []];
  const put = (into: string[], keys: readonly (string | number)[], chain: string) =>
    into.push(...keys.map((key) => `${key} : goto ${chain}`));
  state.services.forEach((service, index) => {
    put(addresses, [...service.addresses, ...service.virtual], chainOf(index));
    put(places, service.elsewhere.map(key), chainOf(index));
    put(published, service.published, chainOf(index));
  });
  const from = bridge === undefined ? 'ip saddr @known' : `iifname "${bridge.name}"`;
  const hook = (name: string, priority: string) => [
    `add chain ${of} ${name} { type filter hook prerouting priority ${priority}; policy accept; }`,
    `add rule ${of} ${name} ct state established,related accept`,
    `add rule ${of} ${name} ${from} meta l4proto { tcp, udp } jump from_instance`,
  ];
  return lines([
    ...anew(of),
    ...setOf(of, state.known),
    ...state.services.flatMap((service, index) => serviceLines(of, service, chainOf(index))),
    ...mapOf(of, 'addresses', 'ipv4_addr', addresses),
    ...mapOf(of, 'places', 'ipv4_addr . inet_service', places),
    ...mapOf(of, 'published', 'inet_service', published),
    `add chain ${of} from_instance`,
    `add rule ${of} from_instance ip daddr vmap @addresses`,
    `add rule ${of} from_instance ip daddr . th dport vmap @places`,
    `add rule ${of} from_instance fib daddr type local th dport vmap @published`,
    ...hook('prerouting', 'mangle'),
    ...hook('translated', 'dstnat + 5'),
  ]);
}

/**
 * The same for what goes from container to container of one bridge and, without br_netfilter, past all routing: whoever
 * is not a member is led into the machine's routing, and refused there. Bridges know no connections: a first packet is
 * one by its flags, and datagrams are known by the service's ports. What the machine sends does not come this way.
 *
 * All that containers send enters here, so here it is seen by which interface. Engines give an address anew at once: what
 * comes from an instance's address by another interface than its own is from somebody who is not known yet, and is not
 * heard, not by the machine either, which knows instances by their addresses.
 */
export function renderBridgeGuard({ table, bridge }: GuardFrame, state: GuardState): string {
  const of = `bridge ${table}`;
  const addresses: string[] = [];
  const datagrams: string[] = [];
  state.services.forEach((service, index) => {
    addresses.push(...service.addresses.map((address) => `${address} : goto ${chainOf(index)}`));
    datagrams.push(...service.ports.map((target) => `${key(target)} : goto ${chainOf(index)}`));
  });
  const aside = bridge === undefined ? 'drop' : `meta pkttype set host ether daddr set ${bridge.mac} accept`;
  return lines([
    ...anew(of),
    ...state.services.flatMap((service, index) => [
      `add chain ${of} ${chainOf(index)}`,
      ...memberLines(of, service, chainOf(index)),
      `add rule ${of} ${chainOf(index)} ${aside}`,
    ]),
    ...mapOf(of, 'addresses', 'ipv4_addr', addresses),
    ...mapOf(of, 'datagrams', 'ipv4_addr . inet_service', datagrams),
    ...seatLines(of, state.seats),
    `add chain ${of} prerouting { type filter hook prerouting priority filter; policy accept; }`,
    `add rule ${of} prerouting tcp flags & (syn | ack) == syn ${notSeated} drop`,
    `add rule ${of} prerouting meta l4proto udp ${notSeated} drop`,
    `add rule ${of} prerouting tcp flags & (syn | ack) == syn ip daddr vmap @addresses`,
    `add rule ${of} prerouting ip daddr . udp dport vmap @datagrams`,
  ]);
}

/**
 * Members pass. An instance of another formation is refused at once; somebody of whom nothing is known yet hears nothing,
 * and tries again: it may be a member that has just been started.
 */
function serviceLines(of: string, service: GuardedService, chain: string): string[] {
  const rule = (text: string) => `add rule ${of} ${chain} ${text}`;
  return [
    `add chain ${of} ${chain}`,
    ...memberLines(of, service, chain),
    rule('ip saddr != @known drop'),
    rule('meta l4proto tcp reject with tcp reset'),
    rule('drop'),
  ];
}

function memberLines(of: string, { name, members }: GuardedService, chain: string): string[] {
  if (members.length === 0) return [];
  return [`add rule ${of} ${chain} ip saddr { ${members.join(', ')} } accept comment "${name}"`];
}

function anew(of: string): string[] {
  return [`add table ${of}`, `delete table ${of}`, `add table ${of}`];
}

function setOf(of: string, known: readonly string[]): string[] {
  const elements = known.length > 0 ? [`add element ${of} known { ${known.join(', ')} }`] : [];
  return [`add set ${of} known { type ipv4_addr; }`, ...elements];
}

const notSeated = 'ip saddr @seated ip saddr . meta iif != @seats';

function seatLines(of: string, seats: readonly Seat[]): string[] {
  const elements = (set: string, all: readonly string[]) =>
    all.length > 0 ? [`add element ${of} ${set} { ${all.join(', ')} }`] : [];
  return [
    `add set ${of} seated { type ipv4_addr; }`,
    `add set ${of} seats { type ipv4_addr . iface_index; }`,
    ...elements(
      'seated',
      seats.map(({ address }) => address),
    ),
    ...elements(
      'seats',
      seats.map(({ address, link }) => `${address} . ${link}`),
    ),
  ];
}

function mapOf(of: string, name: string, type: string, elements: readonly string[]): string[] {
  // Two services may be told to have one place for a moment: the first has it.
  const byKey = new Map(elements.toReversed().map((element) => [element.split(' : ')[0], element]));
  const kept = [...byKey.values()].reverse();
  return [
    `add map ${of} ${name} { type ${type} : verdict; }`,
    ...(kept.length > 0 ? [`add element ${of} ${name} { ${kept.join(', ')} }`] : []),
  ];
}

function key({ address, port }: Target): string {
  return `${address} . ${port}`;
}

function chainOf(index: number): string {
  return `to_${index}`;
}

function lines(all: readonly string[]): string {
  return all.map((line) => `${line}\n`).join('');
}
