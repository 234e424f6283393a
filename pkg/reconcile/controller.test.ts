import { ConflictError, UnavailableError } from '../base/errors';
import { silentLogger } from '../base/log';
import { SeededRandom } from '../base/random';
import { FencedError } from '../store/errors';
import { VirtualClock } from '../testing/virtual-clock';
import { Controller } from './controller';
import type { Outcome } from './reconciler';

describe('Controller', () => {
  let clock: VirtualClock;
  let enqueue: (key: string) => void;
  let calls: string[];
  let stop: AbortController;

  beforeEach(() => {
    clock = new VirtualClock();
    calls = [];
    stop = new AbortController();
  });

  function start(act: (key: string, signal: AbortSignal) => Outcome | Promise<Outcome>, workers = 1) {
    const controller = new Controller({
      name: 'test',
      reconciler: {
        reconcile: async (key, signal) => {
          calls.push(key);
          return act(key, signal);
        },
      },
      sources: [
        (add) => {
          enqueue = add;
          add('first');
          return { dispose: () => calls.push('source disposed') };
        },
      ],
      workers,
      timeoutMs: 1_000,
      clock,
      random: new SeededRandom(1),
      log: silentLogger,
    });
    return { controller, ended: controller.run(stop.signal) };
  }

  it('starts with the keys that there are, and follows the changes', async () => {
    const { ended, controller } = start(() => ({}));
    await clock.settle();
    enqueue('second');
    await clock.settle();
    stop.abort();
    await ended;
    expect(calls).toEqual(['first', 'second', 'source disposed']);
    expect(controller.counters).toEqual({ done: 2, requeued: 0, conflicted: 0, failed: 0 });
    expect(clock.pending).toBe(0);
  });

  it('comes back to a key when it is asked to', async () => {
    const { ended, controller } = start(() => ({ requeueAfterMs: 100 }));
    await clock.advance(250);
    stop.abort();
    await ended;
    expect(controller.counters.requeued).toBe(3);
  });

  it.each([
    ['conflicted', new ConflictError('changed')],
    ['failed', new UnavailableError('down')],
    ['failed', new TypeError('a fault')],
  ] as const)('tries again with back-off, and counts it as %s', async (counter, error) => {
    let failures = 0;
    const { ended, controller } = start(() => {
      if (failures++ < 3) throw error;
      return {};
    });
    await clock.advance(1_000);
    stop.abort();
    await ended;
    expect(controller.counters).toMatchObject({ done: 1, [counter]: 3 });
  });

  it('ends with FencedError as soon as a write is refused to a deposed leader', async () => {
    const { ended } = start(() => {
      throw new FencedError('somebody else leads');
    }, 3);
    await expect(ended).rejects.toThrow('somebody else leads');
    expect(calls.at(-1)).toBe('source disposed');
  });

  it('gives a reconcile a limited time', async () => {
    const { ended, controller } = start(
      (_, signal) =>
        new Promise((_resolve, reject) =>
          signal.addEventListener('abort', () => reject(signal.reason as Error)),
        ),
    );
    await clock.advance(1_000);
    expect(controller.counters.failed).toBe(1);
    stop.abort();
    await ended;
  });

  it('works on several keys at once, and waits for them in the end', async () => {
    let open = () => {};
    const gate = new Promise<void>((resolve) => (open = resolve));
    let finished = 0;
    const { ended } = start(async () => {
      await gate;
      finished++;
      return {};
    }, 2);
    enqueue('second');
    enqueue('third');
    await clock.settle();
    expect(calls).toEqual(['first', 'second']);
    stop.abort();
    open();
    await ended;
    expect(finished).toBe(2);
  });
});
