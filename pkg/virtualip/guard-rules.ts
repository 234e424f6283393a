import type { Bridge } from './bridge-of';
import type { GuardedService, GuardState, Seat } from './guard-state';
import type { Target } from './ruleset';

/** What the guard's rules say besides who is here: the machine itself. */
export interface GuardFrame {
  /** The tables' name, of families inet and bridge. */
  readonly table: string;
  /** The virtual addresses: `198.18.16.0/20`. */
  readonly range: string;
  /** Ports of this machine at which instances are known by their addresses: proxy, resolver, registry. */
  readonly daemonPorts: readonly number[];
  /** The bridge that containers are on. Absent: only known instances are held back. */
  readonly bridge?: Bridge;
  /** This machine's IPv4 addresses. */
  readonly machine: readonly string[];
  /** How long the rules hold when nobody renews them. */
  readonly leaseSeconds: number;
}

export type GuardLease = Pick<GuardFrame, 'table' | 'leaseSeconds'>;
export type GuardFamily = 'inet' | 'bridge';

/**
 * Has the rules of some families hold anew. They outlive the daemon, which is to be so while it is started again, but not
 * for ever: addresses and ports of a stage that is dead are others' some day, who must not be taken for its instances.
 */
export function renderRenewal({ table, leaseSeconds }: GuardLease, of: readonly GuardFamily[]): string {
  return lines(
    of.flatMap((family) => [
      // Elements that are there already would keep their time.
      `flush set ${family} ${table} alive`,
      aliveElements(`${family} ${table}`, leaseSeconds),
    ]),
  );
}

/**
 * What this machine's containers may open connections to, of all that is routed: the whole table, in one transaction.
 * Twice: before destinations are translated, for ports that are published here, and after, for whatever virtual
 * addresses lead to. Connections that are established pass by the first rule. Nothing that the machine itself sends comes
 * this way.
 */
export function renderGuard(
  { table, bridge, leaseSeconds }: Pick<GuardFrame, keyof GuardLease | 'bridge'>,
  state: GuardState,
): string {
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
    `add rule ${of} ${name} ${from} meta l4proto @alive jump from_instance`,
  ];
  return lines([
    ...anew(of),
    ...aliveLines(of, leaseSeconds),
    ...setOf(of, 'known', 'type ipv4_addr;', state.known),
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
 * All that containers send enters here, so here it is seen by which interface. Engines give an address anew at once: who
 * comes from an instance's address by another interface than its own is somebody who is not known yet, and is not heard
 * by whatever knows instances by their addresses. All else they may reach: they may be nobody's, and the rules outlive
 * those who would change them.
 */
export function renderBridgeGuard(frame: GuardFrame, state: GuardState): string {
  const { table, bridge } = frame;
  const of = `bridge ${table}`;
  const addresses: string[] = [];
  const datagrams: string[] = [];
  state.services.forEach((service, index) => {
    addresses.push(...service.addresses.map((address) => `${address} : goto ${chainOf(index)}`));
    datagrams.push(...service.ports.map((target) => `${key(target)} : goto ${chainOf(index)}`));
  });
  const aside = bridge === undefined ? 'drop' : `meta pkttype set host ether daddr set ${bridge.mac} accept`;
  const first = `add rule ${of} prerouting tcp flags & (syn | ack) == syn meta l4proto @alive`;
  const datagram = `add rule ${of} prerouting meta l4proto udp meta l4proto @alive`;
  return lines([
    ...anew(of),
    ...aliveLines(of, frame.leaseSeconds),
    ...state.services.flatMap((service, index) => [
      `add chain ${of} ${chainOf(index)}`,
      ...memberLines(of, service, chainOf(index)),
      `add rule ${of} ${chainOf(index)} ${aside}`,
    ]),
    ...mapOf(of, 'addresses', 'ipv4_addr', addresses),
    ...mapOf(of, 'datagrams', 'ipv4_addr . inet_service', datagrams),
    ...seatLines(of, state.seats),
    ...strangerLines(of, frame, state),
    `add chain ${of} prerouting { type filter hook prerouting priority filter; policy accept; }`,
    `${first} ${notSeated} jump stranger`,
    `${datagram} ${notSeated} jump stranger`,
    `${first} ip daddr vmap @addresses`,
    `${datagram} ip daddr . udp dport vmap @datagrams`,
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

const notSeated = 'ip saddr @seated ip saddr . meta iif != @seats';

function seatLines(of: string, seats: readonly Seat[]): string[] {
  const addresses = seats.map(({ address }) => address);
  const both = seats.map(({ address, link }) => `${address} . ${link}`);
  return [
    ...setOf(of, 'seated', 'type ipv4_addr;', addresses),
    ...setOf(of, 'seats', 'type ipv4_addr . iface_index;', both),
  ];
}

/** What is not for one of whom all that is known is that the address was somebody's. */
function strangerLines(of: string, frame: GuardFrame, { services }: GuardState): string[] {
  const { range, daemonPorts, machine } = frame;
  const published = services.flatMap((service) => service.published);
  const guarded = [range, ...services.flatMap((service) => service.addresses)];
  const elsewhere = services.flatMap((service) => service.elsewhere.map(key));
  const rule = (text: string) => `add rule ${of} stranger ${text} drop`;
  return [
    ...setOf(of, 'guarded', 'type ipv4_addr; flags interval; auto-merge;', guarded),
    ...setOf(of, 'elsewhere', 'type ipv4_addr . inet_service;', elsewhere),
    ...setOf(of, 'machine', 'type ipv4_addr;', machine),
    ...setOf(of, 'held', 'type inet_service;', [...daemonPorts, ...published]),
    `add chain ${of} stranger`,
    rule('ip daddr @guarded'),
    rule('ip daddr . th dport @elsewhere'),
    rule('ip daddr @machine th dport @held'),
  ];
}

function aliveLines(of: string, leaseSeconds: number): string[] {
  return [`add set ${of} alive { type inet_proto; flags timeout; }`, aliveElements(of, leaseSeconds)];
}

function aliveElements(of: string, leaseSeconds: number): string {
  const lease = `timeout ${leaseSeconds}s`;
  return `add element ${of} alive { tcp ${lease}, udp ${lease} }`;
}

function setOf(of: string, name: string, type: string, elements: readonly (string | number)[]): string[] {
  return [
    `add set ${of} ${name} { ${type} }`,
    ...(elements.length > 0 ? [`add element ${of} ${name} { ${[...new Set(elements)].join(', ')} }`] : []),
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
