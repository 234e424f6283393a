import type { LogEntry } from '../driver';
import type { Identity } from '../labels';

/** Whose lines an archive has. */
export type ArchivedInstance = Pick<
  Identity,
  'uid' | 'formation' | 'name' | 'shortName' | 'process' | 'release'
>;

/** What one container of an instance has printed, once the container is gone. */
export interface ArchivedLog extends ArchivedInstance {
  /** The beginning of the container's: see shortId. */
  readonly shortId: string;
  /** When it was archived: all its lines are from before. */
  readonly endedMs: number;
  /** Oldest first. */
  read(signal: AbortSignal): AsyncIterable<readonly LogEntry[]>;
}

export interface ArchiveQuery {
  readonly uid?: string;
  readonly formation?: string;
  /** `web` or `web.1` */
  readonly instance?: string;
  readonly release?: string;
  /** Only those that may have lines from then on. */
  readonly sinceMs?: number;
}

/** Where what containers have printed is kept when they go. Bounded: the oldest goes first. */
export interface LogArchive {
  /**
   * Takes over all that a container has printed. Again, of the same container: nothing is doubled. Resolves when it is
   * safe to remove the container.
   */
  keep(
    instance: ArchivedInstance,
    containerId: string,
    batches: AsyncIterable<readonly LogEntry[]>,
  ): Promise<void>;
  /** The oldest first. */
  find(query: ArchiveQuery): Promise<readonly ArchivedLog[]>;
}

/** What is kept of a container's id: enough to tell it from the others of its instance. */
export function shortId(containerId: string): string {
  return containerId.slice(0, 12);
}

export function matchesQuery(log: Omit<ArchivedLog, 'read'>, query: ArchiveQuery): boolean {
  const { uid, formation, instance, release, sinceMs } = query;
  return (
    (uid === undefined || log.uid === uid) &&
    (formation === undefined || log.formation === formation) &&
    (instance === undefined || instance === log.process || instance === log.shortName) &&
    (release === undefined || release === log.release) &&
    (sinceMs === undefined || log.endedMs >= sinceMs)
  );
}
