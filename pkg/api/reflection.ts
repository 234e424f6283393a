import {
  createFileRegistry,
  fromBinary,
  toBinary,
  type DescFile,
  type FileRegistry,
} from '@bufbuild/protobuf';
import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { status } from '@grpc/grpc-js';
import type { CallContext } from './call';

/**
 * The standard reflection service: `grpcurl` and the like find out from the server itself what can be called. It
 * answers from the descriptors that were compiled from proto/, as they are.
 */
interface ReflectionRequest {
  /** The field of the request's oneof. */
  readonly asks?: 'file' | 'symbol' | 'extension' | 'extensions' | 'services';
  readonly value: string;
  /** The request as it came: the answer repeats it. */
  readonly bytes: Uint8Array;
}

const fields: Readonly<Record<number, NonNullable<ReflectionRequest['asks']>>> = {
  3: 'file',
  4: 'symbol',
  5: 'extension',
  6: 'extensions',
  7: 'services',
};

const codec = {
  requestSerialize: (request: ReflectionRequest) => Buffer.from(request.bytes),
  requestDeserialize: (bytes: Buffer): ReflectionRequest => {
    const reader = new BinaryReader(bytes);
    let asks: ReflectionRequest['asks'];
    let value = '';
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      asks = fields[tag >>> 3] ?? asks;
      if (fields[tag >>> 3] && fields[tag >>> 3] !== 'extension') value = reader.string();
      else reader.skip(tag & 7);
    }
    return { asks, value, bytes };
  },
  responseSerialize: (bytes: Uint8Array) => Buffer.from(bytes),
  responseDeserialize: (bytes: Buffer): Uint8Array => bytes,
};

function definition(version: 'v1' | 'v1alpha') {
  const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
  return { serverReflectionInfo: { path, requestStream: true, responseStream: true, ...codec } } as const;
}

/** The same messages under both names; older clients ask for v1alpha. */
export const reflectionServices = [definition('v1'), definition('v1alpha')] as const;

/** `descriptorSet` is a google.protobuf.FileDescriptorSet with imports. */
export function reflectionHandlers(descriptorSet: Uint8Array) {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptorSet));
  return {
    async *serverReflectionInfo(requests: AsyncIterable<ReflectionRequest>, _call: CallContext) {
      for await (const request of requests) {
        const writer = new BinaryWriter().uint32(tag(2)).bytes(request.bytes);
        answer(registry, request, writer);
        yield writer.finish();
      }
    },
  };
}

function answer(registry: FileRegistry, { asks, value }: ReflectionRequest, writer: BinaryWriter): void {
  switch (asks) {
    case 'services': {
      writer.uint32(tag(6)).fork();
      for (const type of registry) {
        if (type.kind !== 'service') continue;
        writer.uint32(tag(1)).fork().uint32(tag(1)).string(type.typeName).join();
      }
      writer.join();
      return;
    }
    case 'file':
      return writeFile(registry.getFile(value), `file ${value}`, writer);
    case 'symbol':
      return writeFile(fileOf(registry, value), `symbol ${value}`, writer);
    case 'extensions':
      writer.uint32(tag(5)).fork().uint32(tag(1)).string(value).join();
      return;
    case 'extension':
      return writeError(status.NOT_FOUND, 'there are no extensions', writer);
    case undefined:
      return writeError(status.UNIMPLEMENTED, 'the request asks for nothing that is known here', writer);
  }
}

/** Fields and methods are found by the type that they are in. */
function fileOf(registry: FileRegistry, symbol: string): DescFile | undefined {
  const owner = symbol.slice(0, Math.max(0, symbol.lastIndexOf('.')));
  return (registry.get(symbol) ?? registry.get(owner))?.file;
}

function writeFile(file: DescFile | undefined, what: string, writer: BinaryWriter): void {
  if (!file) return writeError(status.NOT_FOUND, `there is no ${what} here`, writer);
  writer.uint32(tag(4)).fork();
  for (const each of withImports(file))
    writer.uint32(tag(1)).bytes(toBinary(FileDescriptorProtoSchema, each.proto));
  writer.join();
}

function withImports(file: DescFile, found = new Set<DescFile>()): ReadonlySet<DescFile> {
  if (found.has(file)) return found;
  found.add(file);
  for (const dependency of file.dependencies) withImports(dependency, found);
  return found;
}

function writeError(code: number, message: string, writer: BinaryWriter): void {
  writer.uint32(tag(7)).fork().uint32(8).int32(code).uint32(tag(2)).string(message).join();
}

/** The tag of a field that has a length. */
function tag(field: number): number {
  return (field << 3) | 2;
}
