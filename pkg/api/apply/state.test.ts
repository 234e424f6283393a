import { Caches } from '../../reconcile/caches';
import { instances, releases } from '../../resource/objects';
import { ApiHarness, testImage, testProcesses } from '../../testing/api-harness';
import { readState } from './state';

test('all releases are known, though the copy that they are read from is late', async () => {
  const api = await ApiHarness.start();
  await api.shop();
  const spec = { image: testImage, processes: testProcesses, config: { A: '2' } };
  await api.client.releases.createRelease({ parent: 'formations/shop', spec });
  const { store, clock, random } = api;
  const log = { debug() {}, info() {}, warn() {}, error() {} } as never;
  const caches = new Caches({ store, kinds: [releases, instances], clock, random, log });
  const end = new AbortController();
  const reading = readState({ store, caches }, 'shop', end.signal);
  const running = caches.run(end.signal);
  const known = (await reading).releases.map(({ metadata }) => metadata.name);
  end.abort();
  await running;
  await api.close();
  expect(known).toEqual(['v1', 'v2']);
});
