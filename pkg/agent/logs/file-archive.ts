import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../base/clock';
import { messageOf } from '../../base/errors';
import type { Logger } from '../../base/log';
import { instanceRef } from '../../resource/instance-name';
import { chunksOf } from '../docker/streams';
import type { LogEntry } from '../driver';
import type { ArchivedInstance, ArchivedLog, ArchiveQuery, LogArchive } from './archive';
import { matchesQuery, shortId } from './archive';
import { decodeRecords, encodeRecords } from './record-format';

/** How much is kept. */
export interface ArchiveLimits {
  readonly formationBytes: number;
  readonly totalBytes: number;
  readonly ageMs: number;
}

export const defaultArchiveLimits: ArchiveLimits = {
  formationBytes: 64 * 1024 * 1024,
  totalBytes: 1024 * 1024 * 1024,
  ageMs: 7 * 24 * 60 * 60 * 1000,
};

export interface FileArchiveOptions {
  readonly directory: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits?: Partial<ArchiveLimits>;
}

interface Kept extends Omit<ArchivedLog, 'read'> {
  readonly path: string;
  readonly bytes: number;
}

const readBytes = 256 * 1024;
const unfinished = '.partial';

/**
 * A file a container, in a directory a formation. Its name says whose it is, its time when it was written: the files are
 * all that is known, so that a restarted executor has the same history.
 */
export class FileArchive implements LogArchive {
  readonly #options: FileArchiveOptions;
  readonly #limits: ArchiveLimits;
  #kept: Promise<Map<string, Kept>> | undefined;

  constructor(options: FileArchiveOptions) {
    this.#options = options;
    this.#limits = { ...defaultArchiveLimits, ...options.limits };
  }

  async keep(
    instance: ArchivedInstance,
    containerId: string,
    batches: AsyncIterable<readonly LogEntry[]>,
  ): Promise<void> {
    const kept = await this.#index();
    const directory = join(this.#options.directory, instance.formation);
    const path = join(directory, fileName(instance, containerId));
    // Written under another name first: a file that is there is whole.
    const partial = `${path}${unfinished}`;
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const file = await open(partial, 'w', 0o600);
    let bytes = 0;
    try {
      for await (const batch of batches) {
        const records = encodeRecords(batch);
        await file.write(records);
        bytes += records.length;
      }
    } catch (error) {
      await file.close();
      await rm(partial, { force: true });
      throw error;
    }
    await file.close();
    if (bytes === 0) return rm(partial, { force: true });
    const endedMs = this.#options.clock.now();
    await utimes(partial, endedMs / 1000, endedMs / 1000);
    await rename(partial, path);
    kept.set(path, { ...instance, shortId: shortId(containerId), path, bytes, endedMs });
    await this.#sweep(kept);
  }

  async find(query: ArchiveQuery): Promise<readonly ArchivedLog[]> {
    const kept = await this.#index();
    return [...kept.values()]
      .filter((log) => matchesQuery(log, query))
      .sort((left, right) => left.endedMs - right.endedMs)
      .map((log) => ({ ...log, read: (signal: AbortSignal) => this.#read(log.path, signal) }));
  }

  async *#read(path: string, signal: AbortSignal): AsyncGenerator<readonly LogEntry[]> {
    try {
      yield* decodeRecords(chunksOf(createReadStream(path, { highWaterMark: readBytes }), signal));
    } catch (error) {
      // It has just gone for being the oldest.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }

  #index(): Promise<Map<string, Kept>> {
    this.#kept ??= this.#scan();
    return this.#kept;
  }

  async #scan(): Promise<Map<string, Kept>> {
    const { directory, log } = this.#options;
    const kept = new Map<string, Kept>();
    try {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      for (const formation of await readdir(directory)) {
        for (const name of await readdir(join(directory, formation)).catch(() => [])) {
          const path = join(directory, formation, name);
          const instance = instanceOf(formation, name);
          if (name.endsWith(unfinished)) await rm(path, { force: true });
          if (!instance) continue;
          const { size, mtimeMs } = await stat(path);
          kept.set(path, { ...instance, path, bytes: size, endedMs: mtimeMs });
        }
      }
    } catch (error) {
      log.warn('the logs of instances that are gone cannot be read', { error: messageOf(error) });
    }
    return kept;
  }

  /** What is too old, then the oldest of formations that have too much, then the oldest of all. */
  async #sweep(kept: Map<string, Kept>): Promise<void> {
    const { formationBytes, totalBytes, ageMs } = this.#limits;
    const youngestMs = this.#options.clock.now() - ageMs;
    const held = new Map<string, number>();
    let total = 0;
    for (const log of [...kept.values()].sort((left, right) => right.endedMs - left.endedMs)) {
      const ofFormation = (held.get(log.formation) ?? 0) + log.bytes;
      const fits = ofFormation <= formationBytes && total + log.bytes <= totalBytes;
      if (fits && log.endedMs >= youngestMs) {
        held.set(log.formation, ofFormation);
        total += log.bytes;
        continue;
      }
      kept.delete(log.path);
      await rm(log.path, { force: true });
    }
  }
}

function fileName({ name, release, uid }: ArchivedInstance, containerId: string): string {
  return `${[name, release, uid, shortId(containerId)].join('~')}.log`;
}

function instanceOf(
  formation: string,
  file: string,
): (ArchivedInstance & Pick<ArchivedLog, 'shortId'>) | undefined {
  const parts = /^([^~]+)~([^~]+)~([^~]+)~([^~]+)\.log$/.exec(file) ?? [];
  const [, name = '', release = '', uid = '', shortId = ''] = parts;
  const ref = instanceRef(name);
  if (!ref) return undefined;
  const { process, ordinal } = ref;
  return { formation, name, release, uid, shortId, process, shortName: `${process}.${ordinal}` };
}
