import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import { NotFoundError } from '../base/errors';
import type { CallContext } from './call';

/**
 * The standard health service, grpc.health.v1. Its messages have one field each, so that they are written here by
 * hand and not generated.
 */
const ServingStatus = { SERVING: 1, NOT_SERVING: 2 } as const;

interface HealthRequest {
  /** The full name of a service; empty for the whole server. */
  readonly service: string;
}

interface HealthResponse {
  readonly status: number;
}

const codec = {
  requestSerialize: (value: HealthRequest) =>
    Buffer.from(new BinaryWriter().uint32(10).string(value.service).finish()),
  requestDeserialize: (bytes: Buffer): HealthRequest => {
    const reader = new BinaryReader(bytes);
    let service = '';
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      if (tag === 10) service = reader.string();
      else reader.skip(tag & 7);
    }
    return { service };
  },
  responseSerialize: (value: HealthResponse) =>
    Buffer.from(new BinaryWriter().uint32(8).int32(value.status).finish()),
  responseDeserialize: (bytes: Buffer): HealthResponse => {
    const reader = new BinaryReader(bytes);
    let status = 0;
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      if (tag === 8) status = reader.int32();
      else reader.skip(tag & 7);
    }
    return { status };
  },
};

export const HealthService = {
  check: { path: '/grpc.health.v1.Health/Check', requestStream: false, responseStream: false, ...codec },
  watch: { path: '/grpc.health.v1.Health/Watch', requestStream: false, responseStream: true, ...codec },
} as const;

export interface HealthOptions {
  /** The full names of the services that are served. */
  readonly services: ReadonlySet<string>;
  /** Whether calls can be answered now. */
  readonly isServing: (signal: AbortSignal) => Promise<boolean>;
  /** Resolves when it is time to look again. */
  readonly pause: (signal: AbortSignal) => Promise<void>;
}

export function healthHandlers({ services, isServing, pause }: HealthOptions) {
  const look = async (service: string, signal: AbortSignal) => {
    if (service !== '' && !services.has(service))
      throw new NotFoundError(`there is no service ${service} here`);
    return (await isServing(signal)) ? ServingStatus.SERVING : ServingStatus.NOT_SERVING;
  };
  return {
    async check({ service }: HealthRequest, { signal }: CallContext): Promise<HealthResponse> {
      return { status: await look(service, signal) };
    },
    async *watch({ service }: HealthRequest, { signal }: CallContext): AsyncGenerator<HealthResponse> {
      let told: number | undefined;
      while (!signal.aborted) {
        const status = await look(service, signal);
        if (status !== told) yield { status };
        told = status;
        await pause(signal);
      }
    },
  };
}
