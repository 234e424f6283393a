import type { ContainerEvent } from '../agent/driver';
import { Waker } from '../agent/waker';
import type { Clock } from '../base/clock';
import { toDisposable } from '../base/disposable';
import { unavailable } from './fake-driver-calls';

/** Who follows the events of an engine in memory. */
export class FakeEvents {
  readonly #subscribers = new Set<(event: ContainerEvent) => void>();
  readonly #dropped = new Set<() => void>();

  constructor(private readonly clock: Clock) {}

  emit(event: ContainerEvent): void {
    for (const subscriber of this.#subscribers) subscriber(event);
  }

  /** Ends all streams, as the engine's end does. */
  drop(): void {
    for (const drop of [...this.#dropped]) drop();
  }

  /** From now on, what is wanted. */
  subscribe(wanted: (event: ContainerEvent) => boolean, signal: AbortSignal): AsyncIterable<ContainerEvent> {
    const queue: ContainerEvent[] = [];
    const waker = new Waker();
    let dropped = false;
    const take = (event: ContainerEvent): void => {
      if (!wanted(event)) return;
      queue.push(event);
      waker.wake();
    };
    const drop = (): void => {
      dropped = true;
      waker.wake();
    };
    this.#subscribers.add(take);
    this.#dropped.add(drop);
    const end = toDisposable(() => {
      this.#subscribers.delete(take);
      this.#dropped.delete(drop);
    });
    signal.addEventListener('abort', () => end.dispose(), { once: true });
    const { clock } = this;
    return (async function* () {
      try {
        while (!signal.aborted) {
          const event = queue.shift();
          if (event) yield event;
          else if (dropped) throw unavailable();
          else await waker.wait(clock, undefined, signal);
        }
      } finally {
        end.dispose();
      }
    })();
  }
}
