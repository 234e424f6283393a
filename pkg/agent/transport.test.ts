import type { ConnectResponse } from '../gen/gilliam/v1/session_service';
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
  async function* requests() {
    const capacity = { cpuMillis: 1_000, memoryBytes: 2n ** 30n };
    const value = {
      name: 'e1',
      host: '127.0.0.1',
      domain: '',
      tags: {},
      version: '1',
      registryAddress: '',
      capacity,
    };
    yield { message: { $case: 'hello' as const, value } };
    await new Promise<void>((resolve) => ended.signal.addEventListener('abort', () => resolve()));
  }
  let first: ConnectResponse['message'];
  try {
    for await (const { message } of transport.session(requests(), ended.signal)) {
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
