import type { IncomingMessage, ServerResponse } from 'node:http';
import { InvalidError } from '../../base/errors';
import { isLabel, quote } from '../../resource/names';
import type { Asker } from '../access';
import { isShare } from '../announcement';
import { parseKey, formatKey } from '../entry-key';
import type { Peer } from '../gossip';
import { isRecord } from '../item';
import type { LineSink } from '../remote-follower';
import type { RemoteFollowers } from '../remote-followers';
import type { Resolution } from '../resolution';
import type { RegistryLimits } from '../settings';
import type { RegistryStatus } from '../status';
import type { TrafficBoard } from '../traffic';
import type { Identities, Identity, InstanceNetwork } from '../types';
import type { FollowAck } from '../wire';
import { answerEmpty, answerJson, answerText, HttpError, readJson } from './answers';
import type { Caller } from './caller';
import { askerOf, requireExecutor } from './caller';

/** A node, as its agent, its peers and its followers see it. */
export interface InternalNode extends Identities {
  readonly traffic: Pick<TrafficBoard, 'put' | 'table'>;
  resolve(name: string, asker: Asker): Promise<Resolution>;
  status(): RegistryStatus;
  environment(): InstanceNetwork;
  setPeers(peers: readonly Peer[]): void;
  setInstances(table: Readonly<Record<string, Identity>>): void;
  /** What a peer says; the answer to it, as text. */
  receive(message: unknown): string;
  /** What peers say about withdrawals that this node waits for. */
  receiveReports(value: unknown): void;
}

export interface InternalRoutesOptions {
  readonly node: InternalNode;
  readonly remotes: RemoteFollowers;
  readonly limits: RegistryLimits;
}

/** A follower that leaves so much unread is cut off: it comes back, and takes all anew. */
const maxUnreadBytes = 64 << 20;

type Handler = (
  request: IncomingMessage,
  response: ServerResponse,
  query: URLSearchParams,
  callerOf: () => Caller,
) => Promise<void>;

/** `/-/…`: for the agent, peers, followers and whoever wants to know about the node. */
export class InternalRoutes {
  readonly #options: InternalRoutesOptions;
  readonly #open: Readonly<Record<string, Handler>>;
  readonly #closed: Readonly<Record<string, Handler>>;

  constructor(options: InternalRoutesOptions) {
    this.#options = options;
    const { node, limits } = options;
    this.#open = {
      'GET /-/resolve': async (request, response, query, callerOf) => {
        const asker = askerOf(request, callerOf(), node);
        const answer = await node.resolve(query.get('name') ?? '', asker);
        answerJson(response, 200, answer, { pretty: query.has('pretty') });
      },
      'GET /-/status': async (_request, response, query) =>
        answerJson(response, 200, node.status(), { pretty: query.has('pretty') }),
      'GET /-/environment': async (_request, response) => answerJson(response, 200, node.environment()),
    };
    this.#closed = {
      'PUT /-/peers': async (request, response) => {
        node.setPeers(parsePeers(await readJson(request, limits.gossipBytes)));
        answerEmpty(response, 204);
      },
      'PUT /-/instances': async (request, response) => {
        node.setInstances(parseInstances(await readJson(request, limits.gossipBytes)));
        answerEmpty(response, 204);
      },
      'PUT /-/traffic': async (request, response) => {
        node.traffic.put(await readJson(request, limits.gossipBytes));
        answerEmpty(response, 204);
      },
      'GET /-/traffic': async (_request, response) => answerJson(response, 200, node.traffic.table),
      'POST /-/gossip': async (request, response) =>
        answerText(response, 200, node.receive(await readJson(request, limits.gossipBytes))),
      'POST /-/ack': async (request, response) => {
        node.receiveReports(await readJson(request, limits.gossipBytes));
        answerEmpty(response, 204);
      },
      'GET /-/follow': async (_request, response, query) => this.#follow(response, query.get('name') ?? ''),
      'POST /-/follow/ack': async (request, response) => {
        options.remotes.confirm(parseFollowAck(await readJson(request, limits.gossipBytes)));
        answerEmpty(response, 204);
      },
    };
  }

  async handle(
    request: IncomingMessage,
    response: ServerResponse,
    target: { readonly path: string; readonly query: URLSearchParams },
    callerOf: () => Caller,
  ): Promise<void> {
    const route = `${request.method} ${target.path}`;
    const open = Object.hasOwn(this.#open, route) ? this.#open[route] : undefined;
    if (open) return open(request, response, target.query, callerOf);
    const closed = Object.hasOwn(this.#closed, route) ? this.#closed[route] : undefined;
    if (!closed) throw new HttpError(404, `${quote(route)} is nothing that a node of the registry does`);
    requireExecutor(callerOf());
    return closed(request, response, target.query, callerOf);
  }

  #follow(response: ServerResponse, name: string): void {
    const { remotes } = this.#options;
    if (!isLabel(name))
      throw new InvalidError('a follower has a name in lower-case letters, digits and hyphens');
    const sink: LineSink = {
      write: (line) => {
        if (!response.headersSent) response.writeHead(200, { 'content-type': 'application/x-ndjson' });
        response.write(line);
        if (response.writableLength > maxUnreadBytes) response.destroy();
      },
      close: () => response.destroy(),
    };
    remotes.connect(name, sink);
    response.on('close', () => remotes.disconnect(name, sink));
  }
}

function parsePeers(value: unknown): readonly Peer[] {
  if (!Array.isArray(value)) throw new InvalidError('peers are a list of {"name", "address"}');
  return value.map((one: unknown, index) => {
    const { name, address } = isRecord(one) ? one : {};
    if (typeof name === 'string' && name !== '' && typeof address === 'string' && isHostAndPort(address)) {
      return { name, address };
    }
    throw new InvalidError(`peers[${index}] is not of the form {"name": "e1", "address": "10.0.0.1:4411"}`);
  });
}

function isHostAndPort(text: string): boolean {
  return /^[-a-z0-9_.]+:[1-9]\d{0,4}$/i.test(text) && Number(text.slice(text.lastIndexOf(':') + 1)) <= 65_535;
}

function parseInstances(value: unknown): Readonly<Record<string, Identity>> {
  if (!isRecord(value)) throw new InvalidError('instances are an object from addresses to instances');
  const pairs = Object.entries(value).map(([address, one]): [string, Identity] => {
    const { formation, service, instance, imports, sharedWith, link } = isRecord(one) ? one : {};
    const key =
      typeof formation === 'string' && typeof service === 'string' && typeof instance === 'string'
        ? parseKey(formatKey({ formation, service, instance }))
        : undefined;
    const sound =
      (imports === undefined || isImports(imports)) &&
      (sharedWith === undefined || isShare(sharedWith)) &&
      (link === undefined || isLink(link));
    if (key && sound) {
      const told = { ...(imports && { imports }), ...(sharedWith && { sharedWith }), ...(link && { link }) };
      return [address, { ...key, ...told }];
    }
    throw new InvalidError(
      `what is at ${quote(address)} is not of the form {"formation": "shop", "service": "web", "instance": "1"}`,
    );
  });
  return Object.fromEntries(pairs);
}

function isLink(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) > 0 && (value as number) < 2 ** 31;
}

function isImports(value: unknown): value is Readonly<Record<string, string>> {
  return isRecord(value) && Object.values(value).every((target) => typeof target === 'string');
}

function parseFollowAck(value: unknown): FollowAck {
  const { name, session, seqs } = isRecord(value) ? value : {};
  const sound =
    typeof name === 'string' &&
    typeof session === 'string' &&
    Array.isArray(seqs) &&
    seqs.every((seq) => Number.isSafeInteger(seq));
  if (!sound) throw new InvalidError('a confirmation is of the form {"name", "session", "seqs": [1]}');
  return { name, session, seqs: seqs as number[] };
}
