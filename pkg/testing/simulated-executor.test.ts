import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import type { Transport } from '../agent/transport';
import { SystemClock, sleep } from '../base/clock';
import { SeededRandom } from '../base/random';
import { InstanceState } from '../gen/gilliam/v1/instance';
import type { ConnectRequest, ConnectResponse, SendLogsRequest } from '../gen/gilliam/v1/session_service';
import { SessionServiceService } from '../gen/gilliam/v1/session_service';
import { FakeControlPlane } from './fake-control-plane';
import { startExecutors } from './simulated-executor';
import { fakeTask } from './task';

/** Serves fake control planes, one for each executor, over real gRPC. */
async function serve(planes: Map<string, FakeControlPlane>): Promise<{ server: Server; address: string }> {
  const server = new Server();
  server.addService(SessionServiceService, {
    connect: (call: ServerDuplexStream<ConnectRequest, ConnectResponse>) => void session(call, planes),
    sendLogs: (call: AsyncIterable<SendLogsRequest>, done: (error: null, value: object) => void) => {
      void [...planes.values()][0]
        ?.connect()
        .sendLogs(call, new AbortController().signal)
        .then(() => done(null, {}));
    },
  });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  return { server, address: `127.0.0.1:${port}` };
}

async function session(
  call: ServerDuplexStream<ConnectRequest, ConnectResponse>,
  planes: Map<string, FakeControlPlane>,
): Promise<void> {
  const ended = new AbortController();
  call.on('error', () => ended.abort(new Error('the call broke')));
  call.on('cancelled', () => ended.abort(new Error('the call was cancelled')));
  const requests = call[Symbol.asyncIterator]() as AsyncIterator<ConnectRequest>;
  const first = await requests.next().catch(() => undefined);
  const hello = (first?.value as ConnectRequest | undefined)?.message;
  if (hello?.$case !== 'hello') return void call.end();
  const plane = new FakeControlPlane();
  const known = planes.get(hello.value.name) ?? plane;
  planes.set(hello.value.name, known);
  const transport: Transport = known.connect();
  async function* all(): AsyncGenerator<ConnectRequest> {
    yield first?.value as ConnectRequest;
    for (let next = await requests.next(); !next.done; next = await requests.next()) yield next.value;
  }
  try {
    for await (const response of transport.session(all(), ended.signal)) call.write(response);
    call.end();
  } catch (error) {
    call.emit('error', { code: status.UNAVAILABLE, details: String(error) });
  }
}

async function until(probe: () => boolean, what: string): Promise<void> {
  const clock = new SystemClock();
  for (const end = clock.monotonic() + 20_000; !probe();) {
    if (clock.monotonic() > end) throw new Error(`${what}: not within 20 s`);
    await sleep(clock, 10);
  }
}

test('fifty executors speak gRPC: assignments down, reports up, through a break of all connections', async () => {
  const planes = new Map<string, FakeControlPlane>();
  const names = Array.from({ length: 50 }, (_, index) => `executor-${index + 1}`);
  for (const name of names) {
    const plane = new FakeControlPlane();
    plane.assign(fakeTask(1), fakeTask(2));
    planes.set(name, plane);
  }
  const { server, address } = await serve(planes);
  const executors = startExecutors(50, {
    clock: new SystemClock(),
    random: new SeededRandom(1),
    connect: { address, token: 'secret' },
    config: { stage: 'test' },
  });
  try {
    const all = [...planes.values()];
    const running = (uid: string) => () =>
      all.every((plane) => plane.status(uid)?.state === InstanceState.RUNNING);
    await until(running('u2'), 'the first instances run');
    expect(executors.every(({ driver }) => driver.running.length === 2)).toBe(true);
    for (const plane of all) {
      plane.cut();
      plane.assign(fakeTask(3));
    }
    await until(running('u3'), 'the third instances run');
    expect(all.every((plane) => plane.hellos.length === 2)).toBe(true);
    const [plane] = all;
    executors[0]?.driver.print(executors[0].driver.running[0]?.id ?? '', 'hello');
    plane?.wantLogs({ stream: 's', uid: 'u1' });
    await until(() => plane?.logs.get('s')?.ended === true, 'the logs');
    expect(plane?.logs.get('s')?.lines[0]).toMatchObject({
      instance: 'web.1',
      release: 'v1',
      line: Buffer.from('hello'),
    });
  } finally {
    await Promise.all(executors.map((executor) => executor.kill()));
    server.forceShutdown();
  }
}, 60_000);
