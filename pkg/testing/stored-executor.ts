import { ConflictError } from '../base/errors';
import type { Random } from '../base/random';
import { ExecutorState } from '../gen/gilliam/v1/executor';
import { InstanceSpec_Desired, InstanceState } from '../gen/gilliam/v1/instance';
import { isFinished } from '../resource/instance';
import { executors, instances, sessions } from '../resource/objects';
import type { Executor, Instance, Session } from '../resource/objects';
import type { Lease, Store, Write } from '../store/store';

const { ASSIGNED, PULLING, STARTING, RUNNING, STOPPING, STOPPED, FAILED } = InstanceState;
const life = [ASSIGNED, PULLING, STARTING, RUNNING];
const SESSION_TTL_MS = 3_000;

/**
 * An executor as controllers see it: by what its agent and the API server write to the store. It says nothing of
 * containers, and does nothing by itself.
 */
export class StoredExecutor {
  /** The share of starting instances that fail. */
  failureRate = 0;
  /** What starts does not get ready as long as this is so. */
  slow = false;
  readonly #store: Store;
  readonly #random: Random;
  #lease: Lease | undefined;
  #sessions = 0n;

  constructor(
    readonly name: string,
    store: Store,
    random: Random,
  ) {
    this.#store = store;
    this.#random = random;
  }

  get connected(): boolean {
    return this.#lease !== undefined && !this.#lease.lost.aborted;
  }

  /** A session that is synced at once. */
  async connect(): Promise<void> {
    await this.join();
    await this.sync();
  }

  /** Connects, and has not stopped yet what it should not run. */
  async join(): Promise<void> {
    await this.disconnect();
    const key = { formation: '', name: this.name };
    if (!(await this.#store.get(executors, key))) {
      const object = executors.decode(new Uint8Array());
      Object.assign(object.metadata, { name: this.name, uid: this.#random.uuid(), generation: 1n });
      object.status = { ...object.status, state: ExecutorState.JOINING, host: '127.0.0.1' };
      await this.#store.commit([{ op: 'create', kind: executors, object }]);
    }
    this.#lease = await this.#store.lease(SESSION_TTL_MS);
    await this.#write({ synced: false, number: ++this.#sessions });
  }

  async sync(): Promise<void> {
    await this.#write({ synced: true });
  }

  /** The session's end is seen at once. */
  async disconnect(): Promise<void> {
    await this.#lease?.revoke();
    this.#lease = undefined;
  }

  /** The session's end is seen when its lease runs out. */
  vanish(): void {
    this.#lease?.dispose();
    this.#lease = undefined;
  }

  async cordon(spec: { cordoned: boolean; draining: boolean }): Promise<void> {
    const before = await this.#store.get(executors, { formation: '', name: this.name });
    if (!before) return;
    const object: Executor = { ...before, spec };
    await this.#store.commit([{ op: 'update', kind: executors, object }]);
  }

  /** Those that are placed here and hold something. */
  async assignment(): Promise<Instance[]> {
    const { items } = await this.#store.list(instances);
    return items.filter(({ spec, status }) => spec.executor === this.name && !isFinished(status.state));
  }

  /** Brings each of its instances one step on. */
  async step(): Promise<void> {
    if (!this.connected) return;
    for (const instance of await this.assignment()) {
      const state = this.#next(instance);
      const object = { ...instance, status: { ...instance.status, state, ready: state === RUNNING } };
      if (state === instance.status.state && object.status.ready === instance.status.ready) continue;
      await this.#store.commit([{ op: 'update', kind: instances, object }]).catch((error: unknown) => {
        // A controller was faster: with the next step.
        if (!(error instanceof ConflictError)) throw error;
      });
    }
  }

  #next({ spec, status: { state } }: Instance): InstanceState {
    if (spec.desired === InstanceSpec_Desired.STOPPED) return state === STOPPING ? STOPPED : STOPPING;
    if (state !== RUNNING && this.#random.next() < this.failureRate) return FAILED;
    if (state === STARTING && this.slow) return STARTING;
    return life[life.indexOf(state) + 1] ?? RUNNING;
  }

  /** A session that is still there from before is taken over. */
  async #write(facts: Partial<Session>): Promise<void> {
    const before = await this.#store.get(sessions, { formation: '', name: this.name });
    const { metadata, ...rest } = before ?? sessions.decode(new Uint8Array());
    const object: Session = { ...rest, ...facts, metadata: { ...metadata, name: this.name } };
    const lease = this.#lease ? { lease: this.#lease } : {};
    const write: Write = { op: before ? 'update' : 'create', kind: sessions, object, ...lease };
    await this.#store.commit([write]);
  }
}
