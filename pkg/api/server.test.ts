import { execFileSync } from 'node:child_process';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { Client as GrpcClient, credentials, Metadata } from '@grpc/grpc-js';
import { DeadlineError, ExhaustedError, PreconditionError, UnavailableError } from '../base/errors';
import { type KeyPair, makeAuthority, makeServerCertificate } from '../certificates/certificate';
import { connect, type Client } from '../client/client';
import { ApiHarness, eventually } from '../testing/api-harness';
import { SessionClient } from '../testing/session-client';
import { TcpProxy } from '../testing/tcp-proxy';
import { HealthService } from './health';
import { reflectionServices } from './reflection';

const root = join(__dirname, '../..');

describe('listening', () => {
  let api: ApiHarness;
  beforeEach(async () => {
    api = await ApiHarness.start();
  });
  afterEach(() => api.close());

  test.each(['0.0.0.0', '192.0.2.1', '::', 'example.com'])('at %s without TLS is refused', async (host) => {
    await api.stopServer();
    await expect(api.startServer({ listen: { host, port: 0 } })).rejects.toThrow(PreconditionError);
  });

  test('at a port that is taken says so', async () => {
    const other = await ApiHarness.start();
    const port = Number(api.address.split(':')[1]);
    await other.stopServer();
    const failed = other.startServer({ listen: { port } });
    await expect(failed).rejects.toThrow(PreconditionError);
    await expect(failed).rejects.toThrow(`cannot listen at 127.0.0.1:${port}`);
    await other.close();
  });

  test('two tokens that are the same are refused', async () => {
    await api.stopServer();
    await expect(api.startServer({ tokens: { user: 'a', executor: 'a' } })).rejects.toThrow(
      PreconditionError,
    );
  });

  describe('with TLS', () => {
    const now = new Date();
    let authority: KeyPair;
    beforeAll(async () => {
      authority = await makeAuthority({ title: 'test', now, days: 1 });
    });
    const certificateFor = async (...hosts: string[]) => {
      const made = await makeServerCertificate({ title: 'API', hosts, now, days: 1 }, authority);
      return { key: made.privateKey, certificate: made.certificate };
    };
    const start = async (...hosts: string[]) => {
      await api.stopServer();
      return api.startServer({ listen: { port: 0, tls: await certificateFor(...hosts) } });
    };
    const trusting = (address = api.address, ca = authority.certificate) =>
      api.connect({ token: 'user-token', ca, address });
    const stageOf = async (client: Client) => (await client.stage.getStage({})).stage;

    test('everything works as without, and nothing without', async () => {
      await start('127.0.0.1', 'localhost');
      expect(await stageOf(trusting())).toBe('test');
      expect(await stageOf(trusting(api.address.replace('127.0.0.1', 'localhost')))).toBe('test');
      await expect(stageOf(api.connect({ token: 'user-token' }))).rejects.toThrow(UnavailableError);
    });

    test('a certificate of another authority, or for another address, is refused', async () => {
      await start('127.0.0.2', 'api.gilliam.service');
      await expect(stageOf(trusting())).rejects.toThrow(/127\.0\.0\.1 is not in the cert's list/);
      await start('127.0.0.1');
      const other = await makeAuthority({ title: 'test', now, days: 1 });
      await expect(stageOf(trusting(api.address, other.certificate))).rejects.toThrow(UnavailableError);
    });

    test('an address is not said to be a name: Node warns of that', async () => {
      await start('127.0.0.1');
      const warned = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
      await stageOf(trusting());
      expect(warned).not.toHaveBeenCalled();
      warned.mockRestore();
    });

    test('a new certificate is shown to who connects from then on; what is connected stays', async () => {
      await start('127.0.0.1');
      const before = trusting();
      await stageOf(before);
      authority = await makeAuthority({ title: 'test', now, days: 1 });
      await expect(stageOf(trusting())).rejects.toThrow(UnavailableError);
      api.server.renew(await certificateFor('127.0.0.1'));
      expect(await stageOf(trusting())).toBe('test');
      expect(await stageOf(before)).toBe('test');
    });

    test('it listens at several addresses', async () => {
      await start('127.0.0.1', '127.0.0.2');
      const { port } = await api.server.listen({
        ...{ host: '127.0.0.2', port: 0 },
        tls: await certificateFor('127.0.0.2'),
      });
      for (const address of [api.address, `127.0.0.2:${port}`])
        expect(await stageOf(trusting(address))).toBe('test');
    });
  });
});

describe('a client', () => {
  let api: ApiHarness;
  beforeEach(async () => {
    api = await ApiHarness.start();
  });
  afterEach(() => api.close());

  test('of nobody fails at once, and says what to do', async () => {
    await api.stopServer();
    const client = api.connect({ token: 'user-token', stage: 'prod' });
    const start = performance.now();
    await expect(client.formations.listFormations({})).rejects.toThrow(
      `the control plane of stage "prod" does not answer at ${api.address}: gilliam up`,
    );
    expect(performance.now() - start).toBeLessThan(5_000);
  });

  test('of a black hole gives up after the deadline', async () => {
    const sockets: Socket[] = [];
    const silent = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    const { port } = silent.address() as { port: number };
    const client = connect({ address: `127.0.0.1:${port}`, token: 't' });
    const call = client.formations.listFormations({}, { deadlineMs: 300 });
    await expect(call).rejects.toThrow(DeadlineError);
    await expect(call).rejects.toThrow('did not answer within 0.3 s');
    client.close();
    for (const socket of sockets) socket.destroy();
    silent.close();
  });

  test('finds a control plane that has come back', async () => {
    await api.client.stage.getStage({});
    await api.stopServer();
    await expect(api.client.stage.getStage({})).rejects.toThrow(UnavailableError);
    await api.startServer();
    await eventually(() => api.client.stage.getStage({}));
  });

  test('that sends too much is refused with the limit', async () => {
    const config = { A: 'x'.repeat(5 * 2 ** 20) };
    const call = api.client.releases.createRelease({ parent: 'formations/shop', spec: { config } });
    await expect(call).rejects.toThrow(ExhaustedError);
  });

  test('and the server notice that the other has gone silent', async () => {
    const limits = { keepaliveMs: 500, keepaliveTimeoutMs: 1_000 };
    await api.stopServer();
    await api.startServer({ options: limits });
    const proxy = await TcpProxy.start(Number(api.address.split(':')[1]));
    const far = connect({ address: `127.0.0.1:${proxy.port}`, token: 'executor-token', ...limits });
    const executor = new SessionClient(far);
    await eventually(() => expect(executor.received[0]?.$case).toBe('assignment'));
    proxy.stall();
    await eventually(() => expect(executor.error).toBeInstanceOf(UnavailableError));
    await eventually(async () => expect(await api.sessionOf('e1')).toBeUndefined());
    far.close();
    await proxy.close();
  });
});

describe('the stage', () => {
  test('says what answers, and what is not well', async () => {
    const api = await ApiHarness.start();
    const first = await api.client.stage.getStage({});
    expect(first).toMatchObject({ stage: 'test', version: '1.2.3', dataVersion: 1, leader: '' });
    expect(first.components).toEqual([
      { name: 'etcd', healthy: true, message: '' },
      { name: 'controllers', healthy: false, message: 'no control plane leads' },
      { name: 'builder', healthy: true, message: '' },
      { name: 'executors', healthy: false, message: '0 of 0 ready' },
    ]);
    api.builder.problem = 'Docker does not answer';
    const leadership = await api.store.campaign('controllers', 'cp1', 10_000, new AbortController().signal);
    const second = await api.client.stage.getStage({});
    expect(second.leader).toBe('cp1');
    expect(second.components[2]).toEqual({
      name: 'builder',
      healthy: false,
      message: 'Docker does not answer',
    });
    await leadership.resign();
    api.memory.setReachable(false);
    const third = await api.client.stage.getStage({});
    expect(third.components[0]).toMatchObject({ name: 'etcd', healthy: false });
    await expect(api.client.formations.listFormations({})).rejects.toThrow(UnavailableError);
    api.memory.setReachable(true);
    await api.close();
  });
});

describe('standard services', () => {
  let api: ApiHarness;
  let grpc: GrpcClient;
  beforeEach(async () => {
    api = await ApiHarness.start({ options: { descriptorSet: descriptors() } });
    grpc = new GrpcClient(api.address, credentials.createInsecure());
  });
  afterEach(async () => {
    grpc.close();
    await api.close();
  });

  /** As CI does it for dist/. */
  function descriptors(): Buffer {
    const buf = join(root, 'node_modules/.bin/buf');
    return execFileSync(buf, ['build', 'proto', '--as-file-descriptor-set', '-o', '-'], { cwd: root });
  }

  const check = (service: string) =>
    new Promise<number>((resolve, reject) => {
      const { path, requestSerialize, responseDeserialize } = HealthService.check;
      grpc.makeUnaryRequest(path, requestSerialize, responseDeserialize, { service }, (error, answer) =>
        error ? reject(error) : resolve(answer?.status ?? -1),
      );
    });

  test('health needs no token, knows the services, and looks at the store', async () => {
    expect(await check('')).toBe(1);
    expect(await check('gilliam.v1.ScaleService')).toBe(1);
    await expect(check('gilliam.v1.NoService')).rejects.toMatchObject({ code: 5 });
    api.memory.setReachable(false);
    expect(await check('')).toBe(2);
    api.memory.setReachable(true);
  });

  test('health is watched', async () => {
    const { path, requestSerialize, responseDeserialize } = HealthService.watch;
    const stream = grpc.makeServerStreamRequest(path, requestSerialize, responseDeserialize, { service: '' });
    stream.on('error', () => {});
    const seen: number[] = [];
    stream.on('data', ({ status }: { status: number }) => seen.push(status));
    await eventually(() => expect(seen).toEqual([1]));
    api.memory.setReachable(false);
    await eventually(() => expect(seen).toEqual([1, 2]));
    api.memory.setReachable(true);
    stream.cancel();
  });

  test.each([0, 1] as const)('reflection %i lists services and finds files', async (version) => {
    const ask = (field: number, value: string) =>
      new Promise<Map<number, Uint8Array>>((resolve, reject) => {
        const metadata = new Metadata();
        metadata.set('authorization', 'Bearer user-token');
        const { path } = reflectionServices[version].serverReflectionInfo;
        const same = (bytes: Buffer) => bytes;
        const stream = grpc.makeBidiStreamRequest(path, same, same, metadata);
        stream.on('error', reject);
        stream.on('data', (bytes: Buffer) => resolve(readFields(bytes)));
        stream.end(
          Buffer.from(
            new BinaryWriter()
              .uint32((field << 3) | 2)
              .string(value)
              .finish(),
          ),
        );
      });
    const services = Buffer.from((await ask(7, '*')).get(6) ?? []).toString();
    for (const name of ['FormationService', 'SessionService', 'WatchService']) {
      expect(services).toContain(`gilliam.v1.${name}`);
    }
    for (const [field, value] of [
      [4, 'gilliam.v1.ScaleService'],
      [4, 'gilliam.v1.ScaleService.UpdateScale'],
      [4, 'gilliam.v1.UpdateScaleRequest'],
      [3, 'gilliam/v1/scale_service.proto'],
    ] as const) {
      const answer = (await ask(field, value)).get(4);
      const file = fromBinary(
        FileDescriptorProtoSchema,
        readFields(answer ?? new Uint8Array()).get(1) ?? new Uint8Array(),
      );
      expect(file.name).toBe('gilliam/v1/scale_service.proto');
    }
    expect((await ask(4, 'no.such.Symbol')).has(7)).toBe(true);
    expect((await ask(5, '')).has(7)).toBe(true);
  });

  /** The first value of each field that has a length. */
  function readFields(bytes: Uint8Array): Map<number, Uint8Array> {
    const reader = new BinaryReader(bytes);
    const found = new Map<number, Uint8Array>();
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      if ((tag & 7) !== 2) reader.skip(tag & 7);
      else {
        const value = reader.bytes();
        if (!found.has(tag >>> 3)) found.set(tag >>> 3, value);
      }
    }
    return found;
  }
});
