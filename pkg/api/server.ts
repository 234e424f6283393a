import { isIP } from 'node:net';
import { Server, ServerCredentials, type Metadata } from '@grpc/grpc-js';
import { deadline, sleep } from '../base/clock';
import { CancelledError, InternalError, PreconditionError, messageOf } from '../base/errors';
import { connect } from '../client/client';
import type { Method } from '../client/types';
import { formations } from '../resource/objects';
import { Api, type ApiOptions } from './api';
import { Authenticator, type Audience } from './authenticator';
import { implement, type EnteredCall, type Gate, type Handlers } from './call';
import { HealthService, healthHandlers } from './health';
import type { Limits } from './limits';
import { reflectionHandlers, reflectionServices } from './reflection';
import { RenewableCredentials, type ServerCertificate } from './renewable-credentials';

export interface ApiServerOptions extends Omit<ApiOptions, 'limits' | 'connect'> {
  readonly options?: Partial<Limits> & {
    /** A FileDescriptorSet of proto/, for reflection; without one there is none. */
    readonly descriptorSet?: Uint8Array;
  };
}

export interface ListenOptions {
  /** An address of this machine. Default 127.0.0.1; others ask for TLS. */
  readonly host?: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** In PEM. */
  readonly tls?: ServerCertificate & {
    /** By which the certificates of the other control planes are checked. Default `certificate`. */
    readonly ca?: string;
  };
  /** `host:port` at which the other control planes reach this one. Default where it listens, unless that is everywhere. */
  readonly advertise?: string;
}

// How long calls that were told to end may take to do so.
const closeGraceMs = 500;

/** The API of a stage over gRPC: all services, health and reflection. */
export class ApiServer {
  readonly #api: Api;
  readonly #server: Server;
  readonly #authenticator: Authenticator;
  readonly #services = new Set<string>();
  readonly #renewable: RenewableCredentials[] = [];
  #started = false;

  constructor({ options, ...rest }: ApiServerOptions) {
    const { clock } = rest;
    const { descriptorSet, ...limits } = options ?? {};
    this.#api = new Api({ ...rest, limits, connect: (to) => connect({ ...to, clock }) });
    this.#authenticator = new Authenticator(rest.tokens);
    const { maxMessageBytes, keepaliveMs, keepaliveTimeoutMs } = this.#api.context.limits;
    this.#server = new Server({
      'grpc.max_receive_message_length': maxMessageBytes,
      'grpc.max_send_message_length': -1,
      'grpc.keepalive_time_ms': keepaliveMs,
      'grpc.keepalive_timeout_ms': keepaliveTimeoutMs,
    });
    this.#addServices(descriptorSet);
  }

  /**
   * Begins to answer; again, at a further address: the last one is that at which other control planes reach this one.
   * Throws PreconditionError for an address that it may not or cannot listen at.
   */
  async listen({ host = '127.0.0.1', port, tls, advertise }: ListenOptions): Promise<{ port: number }> {
    if (!tls && !isLoopback(host)) {
      throw new PreconditionError(
        `the API does not listen at ${host} without TLS, as its token could be read on the way: give a certificate, or listen at 127.0.0.1`,
      );
    }
    if (!this.#started) this.#api.start();
    this.#started = true;
    const credentials = tls ? this.#credentials(tls) : ServerCredentials.createInsecure();
    const hostPart = isIP(host) === 6 ? `[${host}]` : host;
    const address = `${hostPart}:${port}`;
    return new Promise((resolve, reject) => {
      this.#server.bindAsync(address, credentials, (error, bound) => {
        if (!error) {
          const own = isEverywhere(host) ? '' : `${hostPart}:${bound}`;
          this.#api.reachedBy({ address: advertise ?? own, ca: tls && (tls.ca ?? tls.certificate) });
          return resolve({ port: bound });
        }
        const why = messageOf(error);
        reject(
          new PreconditionError(`the API cannot listen at ${address} (${why}): is another process there?`, {
            cause: error,
          }),
        );
      });
    });
  }

  /** Shows this certificate to whoever connects from now on, wherever it listens with one. */
  renew(certificate: ServerCertificate): void {
    for (const each of this.#renewable) each.renew(certificate);
  }

  /** Ends all calls, gives sessions up, and resolves when nothing is left. */
  async close(): Promise<void> {
    this.#api.stop();
    const ended = new Promise<void>((resolve) => this.#server.tryShutdown(() => resolve()));
    const grace = deadline(this.#api.context.clock, closeGraceMs);
    const late = new Promise<void>((resolve) => {
      grace.signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await Promise.race([ended, late]);
    grace.dispose();
    this.#server.forceShutdown();
    await this.#api.close();
  }

  #credentials(certificate: ServerCertificate): ServerCredentials {
    const credentials = new RenewableCredentials(certificate);
    this.#renewable.push(credentials);
    return credentials;
  }

  #addServices(descriptorSet: Uint8Array | undefined): void {
    for (const { definition, handlers, audience } of Object.values(this.#api.services)) {
      this.#add(definition, handlers, audience);
    }
    this.#add(HealthService, healthHandlers(this.#health()), 'anybody');
    if (!descriptorSet) return;
    const reflection = reflectionHandlers(descriptorSet);
    for (const service of reflectionServices) this.#add(service, reflection, 'either');
  }

  #add<S extends Record<string, Method>>(definition: S, handlers: Handlers<S>, audience: Audience): void {
    const path = Object.values(definition)[0]?.path ?? '';
    this.#services.add(path.split('/')[1] ?? '');
    this.#server.addService(definition as never, implement(definition, handlers, this.#gate(audience)));
  }

  #health() {
    const { store, clock } = this.#api.context;
    return {
      services: this.#services,
      isServing: (signal: AbortSignal) =>
        store.list(formations, { limit: 1 }, signal).then(
          () => true,
          () => false,
        ),
      pause: (signal: AbortSignal) => sleep(clock, 1_000, signal),
    };
  }

  #gate(audience: Audience): Gate {
    return {
      enter: (metadata, _method, onCancelled): EnteredCall => {
        this.#authenticator.check(metadata, audience);
        return this.#api.enter(userOf(metadata), onCancelled);
      },
      failed: (method, error) => this.#logFailure(method, error),
    };
  }

  #logFailure({ path }: Method, error: unknown): void {
    const { log } = this.#api.context;
    const fields = { path, error: messageOf(error) };
    if (error instanceof CancelledError) return;
    if (error instanceof InternalError || !(error instanceof Error) || !('code' in error)) {
      log.error('call failed', { ...fields, stack: error instanceof Error ? error.stack : undefined });
    } else {
      log.debug('call refused', fields);
    }
  }
}

/** Who calls, as the caller says: shown to people, so without anything that steers a terminal. */
function userOf(metadata: Metadata): string {
  const [value] = metadata.get('gilliam-user');
  try {
    const user = decodeURIComponent(String(value ?? ''));
    return /^[\p{L}\p{N}\p{P}\p{S} ]{0,128}$/u.test(user) ? user : '';
  } catch {
    return '';
  }
}

function isEverywhere(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
