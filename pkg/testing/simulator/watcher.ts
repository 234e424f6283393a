import { CompactedError } from '../../base/errors';
import type { Metadata } from '../../gen/gilliam/v1/metadata';
import { Change_Type, WatchRequest, WatchResponse } from '../../gen/gilliam/v1/watch_service';
import { formations, instances, releases, scales } from '../../resource/objects';
import type { Kind, StoredObject } from '../../resource/objects';
import { Connection } from './connection';
import type { SimProcess } from './sim-process';
import type { World } from './world';

/** What is watched. */
export const watchedKinds: readonly Kind<StoredObject>[] = [formations, releases, scales, instances];

/** What one message of the watch said. */
export interface Watched {
  /** Of the message before, or of the list. */
  readonly after: bigint;
  readonly revision: bigint;
  /** `Instance shop/web-1-1 42`, or `… gone`. */
  readonly changes: readonly string[];
}

/** One who follows the API's watch, resumes where it broke, and lists anew only when told to. */
export class Watcher {
  readonly #world: World;
  readonly #onWatched: (watched: Watched) => void;
  /** What it believes there is: `Instance shop/web-1-1` → revision. */
  readonly objects = new Map<string, bigint>();
  #revision = 0n;

  constructor(
    world: World,
    readonly process: SimProcess,
    onWatched: (watched: Watched) => void,
  ) {
    this.#world = world;
    this.#onWatched = onWatched;
  }

  start(): void {
    void this.#run();
  }

  async #run(): Promise<void> {
    this.#list();
    while (this.process.alive) {
      try {
        await this.#follow();
      } catch (error) {
        if (error instanceof CompactedError) this.#list();
      }
      await this.process.wait(300 + this.process.random.next() * 500);
    }
  }

  /** As by the API's lists, which are as the store is. */
  #list(): void {
    const { history } = this.#world;
    this.objects.clear();
    for (const kind of watchedKinds) {
      for (const { metadata } of history.list(kind))
        this.objects.set(nameOf(kind.name, metadata), metadata.revision);
    }
    this.#revision = history.revision;
  }

  async #follow(): Promise<void> {
    const { network } = this.#world;
    const plane = this.#world.planeAt(Math.floor(this.process.random.next() * 1000));
    if (!plane) return;
    const connection = new Connection(network, this.process, plane.process);
    const request = WatchRequest.fromPartial({
      parent: 'formations/-',
      kinds: watchedKinds.map(({ name }) => name),
      afterRevision: this.#revision,
    });
    plane.process.clock.after(network.delayMs(), () => void plane.watch(request, connection));
    for (let bytes = await connection.down.next(); bytes; bytes = await connection.down.next()) {
      this.#take(WatchResponse.decode(bytes));
    }
  }

  #take({ changes, revision }: WatchResponse): void {
    const seen = changes.flatMap(({ type, object }) => {
      if (!object?.value.metadata) return [];
      const kind = `${object.$case[0]?.toUpperCase()}${object.$case.slice(1)}`;
      const name = nameOf(kind, object.value.metadata);
      const gone = type === Change_Type.DELETE;
      if (gone) this.objects.delete(name);
      else this.objects.set(name, object.value.metadata.revision);
      return [`${name} ${gone ? 'gone' : object.value.metadata.revision}`];
    });
    this.#onWatched({ after: this.#revision, revision, changes: seen });
    this.#revision = revision;
  }
}

/** `Instance shop/web-1-1` */
export function nameOf(kind: string, { formation, name }: Pick<Metadata, 'formation' | 'name'>): string {
  return `${kind} ${formation === '' ? '' : `${formation}/`}${name}`;
}
