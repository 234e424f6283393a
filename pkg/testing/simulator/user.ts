import type { CallContext } from '../../api/call';
import type { GilliamError } from '../../base/errors';
import { DeadlineError, UnavailableError } from '../../base/errors';
import type { ControlPlane } from './control-plane';
import { asSeenByCaller } from './control-plane';
import type { SimProcess } from './sim-process';
import type { World } from './world';

const deadlineMs = 15_000;

/** Somebody at a terminal: each command goes to some control plane, and may come to nothing, or to who knows what. */
export class User {
  readonly #world: World;

  constructor(
    world: World,
    readonly process: SimProcess,
  ) {
    this.#world = world;
  }

  /** One call. What is thrown is what gRPC would say; that nothing was heard does not say that nothing was done. */
  async call<T>(work: (services: ControlPlane['services'], call: CallContext) => Promise<T>): Promise<T> {
    const { network } = this.#world;
    const plane = this.#world.planeAt(Math.floor(this.process.random.next() * 1000));
    await this.process.wait(network.delayMs());
    if (!plane?.process.alive) throw new UnavailableError('no control plane answers');
    const gone = new AbortController();
    const answered = new Promise<T>((resolve, reject) => {
      const fail = (error: GilliamError) =>
        this.process.clock.after(network.delayMs(), () => {
          gone.abort(error);
          reject(error);
        });
      plane.process.clock.after(network.delayMs(), () => {
        plane
          .call(work, gone.signal)
          .then((value) => this.process.clock.after(network.delayMs(), () => resolve(value)))
          .catch((error: unknown) => fail(asSeenByCaller(error)));
        // What was sent once can be carried out twice: whoever repeats it did not hear the first answer.
        if (network.random.next() < network.weather.repeatRate) plane.call(work, gone.signal).catch(() => {});
      });
      plane.process.onEnd(() => fail(new UnavailableError('the connection was reset')));
      this.process.clock.after(deadlineMs, () => fail(new DeadlineError('no answer in time')));
    });
    return answered;
  }
}
