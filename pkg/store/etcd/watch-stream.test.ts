import { EventEmitter } from 'node:events';
import type { IEvent, IWatchRequest, IWatchResponse } from 'etcd3';
import { SystemClock } from '../../base/clock';
import { CompactedError, UnavailableError } from '../../base/errors';
import type { EtcdClient } from './etcd-client';
import { WatchStream } from './watch-stream';

/** A stream to etcd in which the test plays etcd. */
class FakeStream extends EventEmitter {
  readonly written: IWatchRequest[] = [];
  cancelled = false;
  write(request: IWatchRequest): void {
    this.written.push(request);
  }
  cancel(): void {
    this.cancelled = true;
  }
  answer(response: Partial<IWatchResponse> & { revision: number }): void {
    this.emit('data', {
      header: { revision: String(response.revision) },
      watch_id: '0',
      created: false,
      canceled: false,
      compact_revision: '0',
      events: [],
      ...response,
    });
  }
}

const event = (revision: number): IEvent =>
  ({ type: 'PUT', kv: { key: Buffer.from('k'), mod_revision: String(revision) } }) as unknown as IEvent;

describe('WatchStream', () => {
  let etcd: FakeStream;
  let stream: WatchStream;
  let resets: number;
  const signal = new AbortController().signal;

  async function begin(after: bigint, maxQueued = 10): Promise<void> {
    etcd = new FakeStream();
    resets = 0;
    const client = {
      endpoints: 'here:1',
      onReset: () => ({ dispose() {} }),
      open: async () => etcd,
      reset: () => resets++,
    } as unknown as EtcdClient;
    const range = { start: Buffer.from('a'), end: Buffer.from('b') };
    stream = new WatchStream({ client, clock: new SystemClock(), ...range, after, maxQueued });
    await new Promise((resolve) => setImmediate(resolve));
  }
  afterEach(() => stream.dispose());

  test('with nothing to catch up on it watches from the next revision', async () => {
    await begin(7n);
    expect(etcd.written).toMatchObject([{ create_request: { start_revision: '8', progress_notify: true } }]);
    etcd.answer({ revision: 7, created: true });
    expect(await stream.began(signal)).toBe(7n);
    expect(etcd.written).toHaveLength(1);
  });

  test('with changes to catch up on it watches from the known revision, and skips that', async () => {
    await begin(7n);
    etcd.answer({ revision: 9, created: true });
    expect(etcd.written.slice(1)).toMatchObject([
      { cancel_request: { watch_id: '0' } },
      { create_request: { start_revision: '7' } },
    ]);
    // What the first watch still says is not heard.
    etcd.answer({ revision: 9, events: [event(8)] });
    etcd.answer({ revision: 9, canceled: true });
    etcd.answer({ revision: 9, created: true, watch_id: '1' });
    etcd.answer({ revision: 9, watch_id: '1', events: [event(7), event(8), event(9)] });
    const batch = await stream.next(signal);
    expect(batch?.events.map(({ kv }) => kv.mod_revision)).toEqual(['8', '9']);
    expect(batch?.revision).toBe(9n);
  });

  test('events say how far it has come, not the revision in their header', async () => {
    await begin(7n);
    etcd.answer({ revision: 7, created: true });
    etcd.answer({ revision: 500, events: [event(8)] });
    expect((await stream.next(signal))?.revision).toBe(8n);
    etcd.answer({ revision: 500 });
    expect(await stream.next(signal)).toEqual({ events: [], revision: 500n });
  });

  test('what waits is given as one batch', async () => {
    await begin(7n);
    etcd.answer({ revision: 7, created: true });
    etcd.answer({ revision: 8, events: [event(8)] });
    etcd.answer({ revision: 10, events: [event(9), event(10)] });
    expect(await stream.next(signal)).toMatchObject({ events: { length: 3 }, revision: 10n });
  });

  test('a consumer that is too slow is told to list again; one that waits is not, however much comes', async () => {
    await begin(7n, 2);
    etcd.answer({ revision: 7, created: true });
    etcd.answer({ revision: 12, events: [8, 9, 10, 11, 12].map(event) });
    expect((await stream.next(signal))?.revision).toBe(12n);
    etcd.answer({ revision: 14, events: [13, 14].map(event) });
    etcd.answer({ revision: 15, events: [event(15)] });
    await expect(stream.next(signal)).rejects.toThrow(CompactedError);
    expect(etcd.cancelled).toBe(true);
  });

  test('compaction, and any other end that etcd sets to it, says to list again', async () => {
    await begin(7n);
    etcd.answer({ revision: 7, created: true });
    etcd.answer({ revision: 20, canceled: true, compact_revision: '15' });
    await expect(stream.next(signal)).rejects.toThrow('only revisions from 15 on are kept');
    await begin(7n);
    etcd.answer({ revision: 7, created: true, canceled: true, cancel_reason: 'no permission' });
    await expect(stream.began(signal)).rejects.toThrow(CompactedError);
  });

  test('a stream that breaks is unavailable, after what came before it', async () => {
    await begin(7n);
    etcd.answer({ revision: 7, created: true });
    etcd.answer({ revision: 8, events: [event(8)] });
    etcd.emit('error', new Error('14 UNAVAILABLE: Connection dropped'));
    expect((await stream.next(signal))?.revision).toBe(8n);
    await expect(stream.next(signal)).rejects.toThrow(UnavailableError);
    expect(resets).toBe(0);
  });
});
