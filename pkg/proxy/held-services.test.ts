import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UnavailableError } from '../base/errors';
import { silentLogger } from '../base/log';
import { SeededRandom } from '../base/random';
import type { Client } from '../client/client';
import { VirtualClock } from '../testing/virtual-clock';
import { HeldServices } from './held-services';

const web = { service: 'web', formation: 'shop' };
let directory: string;
const end = new AbortController();
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'gilliam-held-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));
afterAll(() => end.abort());

/** A control plane that tells these, each on a connection of its own, and is away then. */
function make(tables: readonly (readonly string[])[]) {
  const clock = new VirtualClock();
  const left = [...tables];
  const asked: unknown[] = [];
  const router = {
    async *followRoutes(request: unknown) {
      asked.push(request);
      const heldServices = left.shift();
      if (!heldServices) throw new UnavailableError('nobody is there');
      yield { routes: [], revision: 1n, heldServices };
    },
  };
  const held = new HeldServices({
    client: { router } as unknown as Pick<Client, 'router'>,
    name: 'one',
    file: join(directory, 'held.json'),
    ...{ clock, random: new SeededRandom(1), log: silentLogger },
  });
  return { held, clock, asked };
}

test('are as the control plane says, whatever happens to the connection', async () => {
  const { held, clock, asked } = make([['web.shop'], ['worker.shop']]);
  expect(held.has(web)).toBe(false);
  void held.run(end.signal);
  await clock.settle();
  expect(held.has(web)).toBe(true);
  await clock.advance(1_000);
  expect(held.has(web)).toBe(false);
  expect(held.has({ ...web, service: 'worker' })).toBe(true);
  await clock.advance(20_000);
  expect(held.has({ ...web, service: 'worker' })).toBe(true);
  expect(asked.length).toBeGreaterThan(3);
  expect(asked[0]).toEqual({ name: 'one', heldOnly: true });
});

test('invariant 6: are known after a restart without a control plane', async () => {
  const first = make([['web.shop']]);
  void first.held.run(end.signal);
  await first.clock.settle();
  expect(readFileSync(join(directory, 'held.json'), 'utf8')).toBe('["web.shop"]');
  expect(make([]).held.has(web)).toBe(true);
});

test('a file that is broken is as good as none', () => {
  writeFileSync(join(directory, 'held.json'), '{');
  expect(make([]).held.has(web)).toBe(false);
});
