import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../base/log';
import { until } from '../testing/registry-nodes';
import { VirtualClock } from '../testing/virtual-clock';
import type { Saved } from './state-file';
import { StateFile } from './state-file';

const log = silentLogger;
const saved: Saved = {
  peers: [],
  followers: [],
  own: {
    newest: '0000000000010000',
    items: [{ path: 'shop/web.1', version: '0000000000010000', state: 'external', body: {} }],
    agesMs: { 'shop/web.1': 4_000 },
  },
};

describe('what a node keeps', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'gilliam-registry-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  async function keptAt(clock: VirtualClock): Promise<void> {
    const file = new StateFile(directory, { clock, log });
    file.load(() => saved);
    await file.close();
  }

  test('is read with how long ago it was written', async () => {
    const clock = new VirtualClock();
    await keptAt(clock);
    await clock.advance(3_000);
    expect(new StateFile(directory, { clock, log }).load(() => saved)).toMatchObject({
      ...saved,
      awayMs: 3_000,
    });
  });

  test('is no proof of anything that was announced when it is old', async () => {
    const clock = new VirtualClock();
    await keptAt(clock);
    await clock.advance(151_000);
    expect(new StateFile(directory, { clock, log }).load(() => saved)?.own).toMatchObject({
      newest: saved.own.newest,
      items: [],
    });
  });

  test('is of just now where the clock has gone back', async () => {
    await keptAt(new VirtualClock(Date.UTC(2026, 0, 2)));
    const clock = new VirtualClock(Date.UTC(2026, 0, 1));
    expect(new StateFile(directory, { clock, log }).load(() => saved)).toMatchObject({ ...saved, awayMs: 0 });
  });

  test('is written again every few seconds where others announce, whose renewals are no change', async () => {
    const clock = new VirtualClock();
    const file = new StateFile(directory, { clock, log });
    let own = saved.own;
    file.load(() => ({ ...saved, own }));
    file.changed();
    await clock.advance(100);
    const agesMs = () => {
      const path = join(directory, 'registry.json');
      if (!existsSync(path)) return undefined;
      const text = readFileSync(path, 'utf8');
      return (JSON.parse(text) as Saved).own.agesMs?.['shop/web.1'];
    };
    await until('it is written', () => agesMs() === 4_000);
    own = { ...own, agesMs: { 'shop/web.1': 1_000 } };
    await clock.advance(5_500);
    file.tick(false);
    await clock.advance(100);
    expect(agesMs()).toBe(4_000);
    file.tick(true);
    await clock.advance(100);
    await until('it is written again', () => agesMs() === 1_000);
    await file.close();
  });
});
