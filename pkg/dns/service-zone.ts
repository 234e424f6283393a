import type { Answer } from 'dns-packet';
import { type Asker, isGuarded, mayUse, meantBy } from '../registry/access';
import { endpointsOf } from '../registry/endpoints';
import { formatServiceName, parseServiceName, SERVICE_SUFFIX } from '../registry/service-name';
import type { Endpoint, RegistryView, ServiceName } from '../registry/types';
import { classes, type Question, rcodes, types } from './query';
import type { Reply } from './reply';

/** Names' addresses: see pkg/virtualip. */
export interface NameAddresses {
  /** Undefined for a name that nobody knows. */
  addressOf(name: ServiceName): Promise<string | undefined>;
  nameOf(address: string): string | undefined;
  /** Whether an address belongs to names, or would. */
  isVirtual(address: string): boolean;
}

export interface ServiceZoneOptions {
  readonly registry: RegistryView;
  readonly virtualIps: NameAddresses;
}

/** A virtual address stays, but the one who asks may move to another machine's. In seconds. */
const addressTtl = 5;
/** Instances come and go. In seconds. */
const instanceTtl = 1;
/** Of so many targets the addresses come along. */
const maxAdditionals = 8;

/** The names that end in `.service`, and the addresses behind them. */
export class ServiceZone {
  readonly #registry: RegistryView;
  readonly #virtualIps: NameAddresses;

  constructor({ registry, virtualIps }: ServiceZoneOptions) {
    this.#registry = registry;
    this.#virtualIps = virtualIps;
  }

  /** Whether the question is one to answer here, and never to be asked elsewhere. */
  owns({ name }: Question): boolean {
    const lower = name.toLowerCase();
    if (lower === SERVICE_SUFFIX || lower.endsWith(`.${SERVICE_SUFFIX}`)) return true;
    const address = reversed(lower);
    return address !== undefined && this.#virtualIps.isVirtual(address);
  }

  /** Whether the answer is another one for each who asks: about an auxiliary service, or what may be an import. */
  dependsOnAsker({ name }: Question): boolean {
    const address = reversed(name.toLowerCase());
    const said = address === undefined ? takeApart(name)?.name : this.#nameAt(address);
    if (!said) return false;
    const entries = this.#registry.lookup(said);
    return entries.length === 0 || entries.some(isGuarded);
  }

  /**
   * What is said to whoever asks: names are not the same to all. An auxiliary service of others that is not shared with
   * the asker is not there.
   */
  async answer(question: Question, asker: Asker): Promise<Reply> {
    if (question.class !== classes.in && question.class !== classes.any) return { rcode: rcodes.refused };
    if (question.type === types.axfr || question.type === types.ixfr) return { rcode: rcodes.refused };
    const address = reversed(question.name.toLowerCase());
    if (address !== undefined) return this.#pointer(question, address, asker);

    const said = takeApart(question.name);
    const asked = said && { ...said, name: meantBy(asker, said.name, this.#registry) };
    if (!asked) return this.#isAbove(question.name.toLowerCase(), asker) ? nothing() : unknown();
    if (this.#isHidden(asked.name, asker)) return unknown();
    const virtualIp = await this.#virtualIps.addressOf(asked.name);
    if (virtualIp === undefined) return unknown();
    if (question.type === types.srv) return this.#instances(question, asked);
    if (asked.labelled || (question.type !== types.a && question.type !== types.any)) return nothing();
    return answer([{ type: 'A', name: question.name, ttl: addressTtl, data: virtualIp }]);
  }

  #isHidden(name: ServiceName, asker: Asker): boolean {
    const entries = this.#registry.lookup(name);
    return entries.length > 0 && !entries.some((entry) => mayUse(asker, entry));
  }

  /**
   * Whether names end in this one that the asker may know of: `service`, `shop.service`, `_tcp.web.shop.service`. To say
   * of such a one that it is not there would deny them as well (RFC 8020), to whoever remembers answers.
   */
  #isAbove(name: string, asker: Asker): boolean {
    if (name === SERVICE_SUFFIX) return true;
    const [, below] = /^_(?:tcp|udp)\.(.+)$/.exec(name) ?? [];
    const service = below === undefined ? undefined : parseServiceName(below);
    if (service) {
      const meant = meantBy(asker, service, this.#registry);
      return this.#registry.lookup(meant).some((entry) => mayUse(asker, entry));
    }
    const [, formation] = /^([^.]+)\.service$/.exec(name) ?? [];
    if (formation === undefined) return false;
    return this.#registry
      .services(formation)
      .some((one) => !this.#isHidden({ formation, service: one }, asker));
  }

  #pointer(question: Question, address: string, asker: Asker): Reply {
    const name = this.#nameAt(address);
    if (name === undefined || this.#isHidden(name, asker)) return unknown();
    if (question.type !== types.ptr && question.type !== types.any) return nothing();
    return answer([{ type: 'PTR', name: question.name, ttl: addressTtl, data: formatServiceName(name) }]);
  }

  #nameAt(address: string): ServiceName | undefined {
    return parseServiceName(this.#virtualIps.nameOf(address) ?? '');
  }

  /** One record an instance: its own name, and the port at which that name serves. */
  async #instances(question: Question, { name, port }: Asked): Promise<Reply> {
    const entries = this.#registry.lookup(name);
    // Seen from nowhere in particular: only the port at the name counts.
    const endpoints = endpointsOf(entries, { executor: '', ...(port === undefined ? {} : { port }) });
    if (endpoints.length === 0) return nothing();
    const targets = endpoints.map(nameOfInstance);
    const answers = endpoints.map((endpoint, index): Answer => ({
      type: 'SRV',
      name: question.name,
      ttl: instanceTtl,
      data: {
        priority: 0,
        weight: 1,
        port: endpoint.servicePort,
        target: formatServiceName(targets[index] as ServiceName),
      },
    }));
    const additionals = await Promise.all(
      targets.slice(0, maxAdditionals).map(async (target): Promise<Answer[]> => {
        const data = await this.#virtualIps.addressOf(target);
        return data === undefined
          ? []
          : [{ type: 'A', name: formatServiceName(target), ttl: addressTtl, data }];
      }),
    );
    return { ...answer(answers), additionals: additionals.flat() };
  }
}

interface Asked {
  readonly name: ServiceName;
  /** `_8080._tcp.web.shop.service` */
  readonly port?: number;
  /** Whether a service and a protocol stand before the name: only SRV records are there. */
  readonly labelled: boolean;
}

/** `web.shop.service`, also behind `_http._tcp.` or `_8080._tcp.`, as SRV lookups are written. */
function takeApart(text: string): Asked | undefined {
  const plain = parseServiceName(text);
  if (plain) return { name: plain, labelled: false };
  const [, label, rest] = /^_([^.]+)\._(?:tcp|udp)\.(.+)$/i.exec(text) ?? [];
  const name = rest === undefined ? undefined : parseServiceName(rest);
  if (!name) return undefined;
  const port = Number(label);
  return { name, labelled: true, ...(Number.isInteger(port) ? { port } : {}) };
}

function nameOfInstance({ entry: { formation, service, instance } }: Endpoint): ServiceName {
  return { formation, service, instance };
}

/** `5.16.18.198.in-addr.arpa` → `198.18.16.5` */
function reversed(name: string): string | undefined {
  const [, ...octets] = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.in-addr\.arpa$/.exec(name) ?? [];
  return octets.length === 4 ? octets.reverse().map(Number).join('.') : undefined;
}

/** Of a negative answer: whose word it is, and that it holds for a second. */
const authority: Answer = {
  type: 'SOA',
  name: SERVICE_SUFFIX,
  ttl: 1,
  data: {
    mname: `resolver.${SERVICE_SUFFIX}`,
    rname: `gilliam.${SERVICE_SUFFIX}`,
    serial: 1,
    refresh: 3600,
    retry: 600,
    expire: 86_400,
    minimum: 1,
  },
};

function answer(answers: readonly Answer[]): Reply {
  return { rcode: rcodes.noError, answers, authoritative: true };
}

function nothing(): Reply {
  return { rcode: rcodes.noError, authorities: [authority], authoritative: true };
}

function unknown(): Reply {
  return { rcode: rcodes.nameError, authorities: [authority], authoritative: true };
}
