import type { ConnectRequest, ConnectResponse } from '../gen/gilliam/v1/session_service';
import { executors } from '../resource/objects';
import { ApiHarness } from '../testing/api-harness';
import { grpcConnect } from './transport';

test('an assignment is taken however much configuration it carries', async () => {
  const api = await ApiHarness.start();
  await api.shop();
  await api.client.releases.createRelease({
    parent: 'formations/shop',
    spec: { config: { A: 'x'.repeat(100_000), B: 'x'.repeat(100_000) } },
    updateMask: ['config.A', 'config.B'],
  });
  for (let ordinal = 1; ordinal <= 100; ordinal++) {
    await api.placeInstance({ ordinal });
    await api.changeInstance(`web-${ordinal}-1`, (before) => ({
      ...before,
      spec: { ...before.spec, release: 'v2' },
    }));
  }
  const transport = grpcConnect({ address: api.address, token: 'executor-token' })();
  const ended = new AbortController();
  let first: ConnectResponse['message'];
  try {
    for await (const { message } of transport.session(hello('e1', ended.signal), ended.signal)) {
      first = message;
      break;
    }
  } finally {
    ended.abort();
    transport.close();
    await api.close();
  }
  expect(first?.$case === 'assignment' && first.value.tasks).toHaveLength(100);
});

test('each try goes to the next of several control planes, the first to any', async () => {
  const apis = [await ApiHarness.start(), await ApiHarness.start()] as const;
  const address = apis.map((api) => api.address).join(',');
  const next = grpcConnect({ address, token: 'executor-token' }, { next: () => 0.5, uuid: () => '' });
  const transports = [next(), next(), next()];
  const ended = new AbortController();
  try {
    for (const [index, transport] of transports.entries()) {
      const name = `e${index}`;
      for await (const { message } of transport.session(hello(name, ended.signal), ended.signal)) {
        expect(message?.$case).toBe('assignment');
        break;
      }
      expect(await apis[index % 2 === 0 ? 1 : 0].store.get(executors, { formation: '', name })).toBeDefined();
    }
  } finally {
    ended.abort();
    for (const transport of transports) transport.close();
    for (const api of apis) await api.close();
  }
});

async function* hello(name: string, signal: AbortSignal): AsyncGenerator<ConnectRequest> {
  const value = { name, host: '127.0.0.1', domain: '', tags: {}, version: '1', registryAddress: '' };
  const capacity = { cpuMillis: 1_000, memoryBytes: 2n ** 30n };
  yield { message: { $case: 'hello', value: { ...value, capacity } } };
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
}
