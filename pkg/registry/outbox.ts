import type { Delta, Digest } from './item';

/** A change on its way: what it is, who has said so, and to whom the receiver passes it on. */
export interface Push {
  readonly delta: Delta;
  /** That its origin lives. */
  readonly beat?: Digest;
  readonly passTo: readonly string[];
}

/**
 * What waits to be sent to each peer. One message at a time is under way to a peer; what comes meanwhile goes with the
 * next one. So there are as many messages as a peer can take, and each change goes at once where nothing is in its way.
 */
export class Outbox {
  readonly #waiting = new Map<string, Push[]>();
  readonly #underWay = new Set<string>();

  constructor(private readonly send: (peer: string, pushes: readonly Push[]) => Promise<void>) {}

  add(peer: string, push: Push): void {
    const waiting = this.#waiting.get(peer) ?? [];
    this.#waiting.set(peer, withPush(waiting, push));
    if (this.#underWay.has(peer)) return;
    this.#underWay.add(peer);
    void this.#run(peer);
  }

  async #run(peer: string): Promise<void> {
    // What is recorded and received in this turn goes along.
    await Promise.resolve();
    for (let pushes = this.#take(peer); pushes; pushes = this.#take(peer)) await this.send(peer, pushes);
    this.#underWay.delete(peer);
  }

  #take(peer: string): readonly Push[] | undefined {
    const pushes = this.#waiting.get(peer);
    this.#waiting.delete(peer);
    return pushes;
  }
}

/** Joins what follows on what waits already. */
function withPush(waiting: readonly Push[], push: Push): Push[] {
  const index = waiting.findIndex(({ delta }) => delta.origin === push.delta.origin);
  const before = waiting[index];
  if (!before) return [...waiting, push];
  const { delta } = push;
  const follows = !delta.whole && delta.after <= before.delta.newest;
  if (!follows && !delta.whole) return [...waiting, push];
  const joined: Push = {
    delta: delta.whole
      ? delta
      : {
          ...before.delta,
          newest: delta.newest,
          floor: delta.floor,
          items: [...before.delta.items, ...delta.items],
        },
    beat: push.beat ?? before.beat,
    passTo: [...new Set([...before.passTo, ...push.passTo])],
  };
  return waiting.with(index, joined);
}
