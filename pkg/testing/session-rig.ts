import type { Hello, Task } from '../gen/gilliam/v1/session_service';
import { type Instance, type Session, sessions } from '../resource/objects';
import type { Write } from '../store/store';
import { ApiHarness, eventually } from './api-harness';
import { SessionClient } from './session-client';

/** An API server with a formation `shop`, and executors that speak to it. */
export class SessionRig {
  readonly #connected: SessionClient[] = [];

  private constructor(readonly api: ApiHarness) {}

  static async start(): Promise<SessionRig> {
    const api = await ApiHarness.start({ options: { leaseTtlMs: 1_000 } });
    await api.shop();
    return new SessionRig(api);
  }

  async close(): Promise<void> {
    await Promise.all(this.#connected.map((executor) => executor.abort()));
    await this.api.close();
  }

  join(name = 'e1', hello: Partial<Hello> = {}): SessionClient {
    const executor = new SessionClient(this.api.connect({ token: 'executor-token' }), name, hello);
    this.#connected.push(executor);
    return executor;
  }

  /** One that has its assignment. */
  async joined(name = 'e1', hello: Partial<Hello> = {}): Promise<SessionClient> {
    const executor = this.join(name, hello);
    await eventually(() => expect(executor.received[0]?.$case).toBe('assignment'));
    return executor;
  }

  sessionOf(name: string): Promise<Session | undefined> {
    return this.api.store.get(sessions, { formation: '', name });
  }

  /** As when its lease has expired. */
  async removeSession(name: string, writes: readonly Write[] = []): Promise<void> {
    const { revision } = (await this.sessionOf(name))?.metadata ?? { revision: 0n };
    const key = { formation: '', name };
    await this.api.store.commit([{ op: 'delete', kind: sessions, key, revision }, ...writes]);
  }
}

/** The task of an instance, once its executor has it. */
export function taskOf(executor: SessionClient, { metadata }: Instance): Promise<Task> {
  return eventually(() => {
    const task = executor.tasks.get(metadata.uid);
    if (!task) throw new Error(`no task of ${metadata.name}`);
    return task;
  });
}

export function acknowledged(executor: SessionClient, sequence: bigint): Promise<void> {
  return eventually(() => expect(executor.acknowledged).toBe(sequence));
}
