import { labels, identityOfContainer } from '../../../agent/labels';
import { keyOf } from '../../../agent/network/announcement';
import { formatKey } from '../../../registry/entry-key';
import type { EngineCall } from '../engine-port';
import type { Machine } from '../machine';
import type { World } from '../world';
import type { Check, Violate } from './check';

/**
 * Invariant 7: out of routing first, acknowledged by all who send requests, then SIGTERM. Who has not confirmed within
 * the drain time is not waited for, and a network daemon that is away cannot be asked.
 */
export class DrainCheck implements Check {
  readonly #world: World;
  readonly #violate: Violate;
  /** `e1 shop/web.1` → when it was first taken back since it was last announced. */
  readonly #withdrawnMs = new Map<string, number>();

  constructor(world: World, violate: Violate) {
    this.#world = world;
    this.#violate = violate;
  }

  onWithdraw(machine: Machine, name: string): void {
    const id = `${machine.name} ${name}`;
    const announced = machine.daemon.entries.has(name);
    if (announced || !this.#withdrawnMs.has(id)) this.#withdrawnMs.set(id, this.#world.time.monotonic());
  }

  onEngineCall(machine: Machine, { verb, uid, running }: EngineCall): void {
    if ((verb !== 'stop' && verb !== 'remove') || !running || !machine.calm) return;
    const container = machine.engine.containers.find(({ labels: own }) => own[labels.instance] === uid);
    if (!container) return;
    const identity = identityOfContainer(container);
    const name = formatKey(keyOf(identity));
    if (machine.daemon.entries.get(name)?.instance === identity.name) {
      this.#violate(7, `${machine.name} stops ${identity.name}, and it is still announced`);
    }
    const sending = [...machine.daemon.sending].filter((one) => one.startsWith(`${name} `));
    const sinceMs = this.#withdrawnMs.get(`${machine.name} ${name}`) ?? Infinity;
    const waitedMs = this.#world.time.monotonic() - sinceMs;
    if (sending.length === 0 || waitedMs >= identity.drainMs) return;
    this.#violate(7, `${machine.name} stops ${identity.name}, and ${sending.join(', ')} sends to it still`);
  }
}
