import type { Clock } from '../base/clock';
import type { Disposable } from '../base/disposable';
import { PreconditionError } from '../base/errors';
import type { FollowerHub } from './follower-hub';
import type { LineSink } from './remote-follower';
import { RemoteFollower } from './remote-follower';
import type { RegistryTimes } from './settings';
import type { Entry, RegistryView } from './types';
import type { FollowAck } from './wire';

export interface RemoteFollowersOptions {
  readonly node: string;
  readonly session: string;
  readonly clock: Clock;
  readonly times: Pick<RegistryTimes, 'followerGraceMs' | 'pingMs'>;
  readonly hub: FollowerHub;
  readonly view: RegistryView;
  readonly all: () => readonly Entry[];
  /** Who follows has changed. */
  readonly onNames: () => void;
}

/** The followers in other processes: kept while their connection is there, and a while longer. */
export class RemoteFollowers {
  readonly #options: RemoteFollowersOptions;
  readonly #members = new Map<
    string,
    { readonly follower: RemoteFollower; readonly registration: Disposable }
  >();
  #pings?: Disposable;

  constructor(options: RemoteFollowersOptions) {
    this.#options = options;
  }

  get names(): readonly string[] {
    return [...this.#members.keys()];
  }

  /** These followed before this node's restart: they still send to what they knew, and will be back. */
  expect(names: readonly string[]): void {
    for (const name of names) this.#ensure(name);
  }

  /** Throws PreconditionError when a follower of this process has the name. */
  connect(name: string, sink: LineSink): void {
    const isNew = !this.#members.has(name);
    this.#ensure(name).connect(sink);
    if (isNew) this.#options.onNames();
    this.#pings ??= this.#schedulePing();
  }

  disconnect(name: string, sink: LineSink): void {
    this.#members.get(name)?.follower.disconnect(sink);
  }

  /** Throws PreconditionError when the numbers are those of another process than this. */
  confirm({ name, session, seqs }: FollowAck): void {
    if (session !== this.#options.session) {
      throw new PreconditionError(
        'these numbers were given out before this node was restarted: follow it again',
      );
    }
    this.#members.get(name)?.follower.confirm(seqs);
  }

  /** Nothing for a follower of this process. */
  statusOf(name: string): { readonly connected?: boolean; readonly pending?: number } {
    const follower = this.#members.get(name)?.follower;
    return follower ? { connected: follower.connected, pending: follower.pending } : {};
  }

  close(): void {
    this.#pings?.dispose();
    for (const { follower, registration } of this.#members.values()) {
      registration.dispose();
      follower.close();
    }
  }

  #ensure(name: string): RemoteFollower {
    const { node, session, clock, times, hub, view, all, onNames } = this.#options;
    const known = this.#members.get(name);
    if (known) return known.follower;
    const follower = new RemoteFollower({
      ...{ name, node, session, clock, all, graceMs: times.followerGraceMs },
      names: () =>
        view
          .formations()
          .flatMap((formation) => view.services(formation).map((service) => `${formation}/${service}`)),
      onLost: () => {
        this.#members.get(name)?.registration.dispose();
        this.#members.delete(name);
        onNames();
      },
    });
    let registration: Disposable;
    try {
      registration = hub.follow(follower);
    } catch (error) {
      follower.close();
      throw error;
    }
    this.#members.set(name, { follower, registration });
    return follower;
  }

  #schedulePing(): Disposable {
    return this.#options.clock.after(this.#options.times.pingMs, () => {
      for (const { follower } of this.#members.values()) follower.ping();
      this.#pings = this.#schedulePing();
    });
  }
}
