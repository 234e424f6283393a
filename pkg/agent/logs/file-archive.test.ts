import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { silentLogger } from '../../base/log';
import { eventually } from '../../testing/api-harness';
import { VirtualClock } from '../../testing/virtual-clock';
import type { LogEntry } from '../driver';
import type { ArchivedInstance, ArchiveQuery } from './archive';
import type { ArchiveLimits } from './file-archive';
import { FileArchive } from './file-archive';
import { decodeRecords, encodeRecords } from './record-format';

const never = new AbortController().signal;
let directory: string;
let clock: VirtualClock;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'gilliam-archive-'));
  clock = new VirtualClock();
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const open = (limits?: Partial<ArchiveLimits>) =>
  new FileArchive({ directory, clock, log: silentLogger, limits });

function instance(name = 'web-1-1', formation = 'shop', release = 'v1'): ArchivedInstance {
  const [process = '', ordinal = ''] = name.split('-');
  return { uid: `uid-${name}`, formation, name, release, process, shortName: `${process}.${ordinal}` };
}

const entry = (text: string, timeNs = 1n): LogEntry => ({
  stream: 'stdout',
  timeNs,
  line: Buffer.from(text),
});

async function* batches(...lines: readonly string[]): AsyncGenerator<readonly LogEntry[]> {
  for (const line of lines) yield [entry(line)];
}

async function texts(archive: FileArchive, query: ArchiveQuery = {}): Promise<string[]> {
  const found: string[] = [];
  for (const log of await archive.find(query)) {
    for await (const entries of log.read(never)) {
      found.push(...entries.map(({ line }) => `${log.shortName} ${log.release}: ${line.toString()}`));
    }
  }
  return found;
}

test('what was kept is found by instance, process, release, uid and time, the oldest first', async () => {
  const archive = open();
  await archive.keep(instance('web-1-1'), 'c1', batches('a', 'b'));
  await clock.advance(60_000);
  await archive.keep(instance('web-2-1', 'shop', 'v2'), 'c2', batches('c'));
  await archive.keep(instance('worker-1-1', 'blog'), 'c3', batches('d'));
  const shop = { formation: 'shop' };
  expect(await texts(archive, shop)).toEqual(['web.1 v1: a', 'web.1 v1: b', 'web.2 v2: c']);
  expect(await texts(archive, { ...shop, instance: 'web' })).toHaveLength(3);
  expect(await texts(archive, { ...shop, instance: 'web.2' })).toEqual(['web.2 v2: c']);
  expect(await texts(archive, { ...shop, release: 'v1' })).toHaveLength(2);
  expect(await texts(archive, { ...shop, sinceMs: clock.now() - 1_000 })).toEqual(['web.2 v2: c']);
  expect(await texts(archive, { uid: 'uid-worker-1-1' })).toEqual(['worker.1 v1: d']);
});

test('a restarted executor has the same history, and no files that were not finished', async () => {
  await open().keep(instance(), 'c1', batches('a'));
  writeFileSync(join(directory, 'shop', 'web-1-2~v1~uid~c2.log.partial'), 'half');
  writeFileSync(join(directory, 'shop', 'something else'), '');
  expect(await texts(open())).toEqual(['web.1 v1: a']);
  expect(readdirSync(join(directory, 'shop')).filter((name) => name.endsWith('.partial'))).toEqual([]);
});

test('the same container kept twice is not there twice; another of its instance is', async () => {
  const archive = open();
  await archive.keep(instance(), 'c1', batches('a'));
  await open().keep(instance(), 'c1', batches('a'));
  await archive.keep(instance(), 'c2', batches('b'));
  expect(await texts(open())).toEqual(['web.1 v1: a', 'web.1 v1: b']);
});

test('an executor that dies while it takes a log over has none of it, and takes it over again', async () => {
  let release = () => {};
  async function* hanging(): AsyncGenerator<readonly LogEntry[]> {
    yield [entry('a')];
    await new Promise<void>((resolve) => (release = resolve));
  }
  const dead = open().keep(instance(), 'c1', hanging());
  await eventually(() => expect(readdirSync(join(directory, 'shop'))).toHaveLength(1));
  const restarted = open();
  expect(await texts(restarted)).toEqual([]);
  await restarted.keep(instance(), 'c1', batches('a', 'b'));
  expect(await texts(open())).toEqual(['web.1 v1: a', 'web.1 v1: b']);
  release();
  await dead.catch(() => {});
});

test('a container that printed nothing leaves nothing', async () => {
  const archive = open();
  await archive.keep(instance(), 'c1', batches());
  expect(readdirSync(join(directory, 'shop'))).toEqual([]);
  expect(await archive.find({})).toEqual([]);
});

test('an engine that breaks off leaves nothing half', async () => {
  const archive = open();
  async function* broken(): AsyncGenerator<readonly LogEntry[]> {
    yield [entry('a')];
    throw new Error('gone');
  }
  await expect(archive.keep(instance(), 'c1', broken())).rejects.toThrow('gone');
  expect(readdirSync(join(directory, 'shop'))).toEqual([]);
});

test('a formation keeps so much, all together so much, and nothing for longer than that: the oldest goes first', async () => {
  const archive = open({ formationBytes: 250, totalBytes: 400, ageMs: 60_000 });
  const line = 'x'.repeat(87);
  for (const ordinal of [1, 2, 3]) {
    await archive.keep(instance(`web-${ordinal}-1`), `c${ordinal}`, batches(line));
    await clock.advance(1_000);
  }
  const names = async () => (await archive.find({})).map(({ formation, name }) => `${formation}/${name}`);
  expect(await names()).toEqual(['shop/web-2-1', 'shop/web-3-1']);
  for (const formation of ['a', 'b', 'c']) {
    await archive.keep(instance('web-1-1', formation), 'c', batches(line));
    await clock.advance(1_000);
  }
  expect(await names()).toEqual(['shop/web-3-1', 'a/web-1-1', 'b/web-1-1', 'c/web-1-1']);
  await clock.advance(60_000);
  await archive.keep(instance('web-1-1', 'd'), 'c', batches(line));
  expect(await names()).toEqual(['d/web-1-1']);
  expect(readdirSync(join(directory, 'shop'))).toEqual([]);
});

test('records come back as they were, however they are cut into pieces', async () => {
  const entries = fc.array(
    fc.record({
      stream: fc.constantFrom('stdout' as const, 'stderr' as const),
      timeNs: fc.bigInt({ min: 0n, max: 2n ** 62n }),
      line: fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes)),
    }),
    { maxLength: 20 },
  );
  await fc.assert(
    fc.asyncProperty(entries, fc.integer({ min: 1, max: 40 }), async (written, step) => {
      const bytes = encodeRecords(written);
      async function* pieces(): AsyncGenerator<Buffer> {
        for (let at = 0; at < bytes.length; at += step) yield bytes.subarray(at, at + step);
      }
      const read: LogEntry[] = [];
      for await (const batch of decodeRecords(pieces())) read.push(...batch);
      expect(read.map((each) => ({ ...each, line: each.line.toString('hex') }))).toEqual(
        written.map((each) => ({ ...each, line: each.line.toString('hex') })),
      );
    }),
    { numRuns: 100 },
  );
});
