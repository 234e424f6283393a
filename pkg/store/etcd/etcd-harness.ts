import { Etcd3 } from 'etcd3';
import { SystemClock } from '../../base/clock';
import { silentLogger } from '../../base/log';
import { SystemRandom } from '../../base/random';
import type { EtcdProcess } from '../../testing/etcd-process';
import type { StoreHarness } from '../contract/support';
import { EtcdStore, type EtcdStoreOptions } from './etcd-store';

let stages = 0;

/** A stage of its own in an etcd that several tests share, for tests. */
export class EtcdHarness implements StoreHarness {
  readonly ttlMs = 1000;
  readonly #opened: EtcdStore[] = [];

  /** `endpoint`: where the stores connect, a proxy for example. */
  constructor(
    private readonly etcd: EtcdProcess,
    private readonly endpoint: string = etcd.endpoint,
    readonly stage: string = `test-${++stages}`,
  ) {}

  async open(options: Partial<EtcdStoreOptions> = {}): Promise<EtcdStore> {
    const store = await EtcdStore.open({
      endpoints: [this.endpoint],
      stage: this.stage,
      clock: new SystemClock(),
      random: new SystemRandom(),
      log: silentLogger,
      ...options,
    });
    this.#opened.push(store);
    return store;
  }

  async compact(revision: bigint): Promise<void> {
    const client = new Etcd3({ hosts: `http://${this.etcd.endpoint}` });
    try {
      await client.kv.compact({ revision: revision.toString(), physical: true });
    } catch (error) {
      if (!String(error).includes('compacted')) throw error;
    } finally {
      client.close();
    }
  }

  async close(): Promise<void> {
    for (const store of this.#opened) await store.close();
  }
}
