import type { Disposable } from '../base/disposable';
import { toDisposable } from '../base/disposable';
import { messageOf, PreconditionError } from '../base/errors';
import type { Logger } from '../base/log';
import { formatKey, parseKey } from './entry-key';
import { StandIn } from './stand-in';
import type { Changes, Entry, Follower } from './types';

/** `gone`: it follows no more, so nothing has to be waited for. */
export type Confirmation = 'acknowledged' | 'failed' | 'gone';

/** One follower's answer to one change. */
export interface Pending {
  readonly follower: string;
  readonly confirmation: Promise<Confirmation>;
}

interface Member {
  readonly follower: Follower;
  readonly leave: () => void;
  /** It follows no more. */
  gone: boolean;
  /** What is still asked of it; called when it follows no more. */
  readonly unanswered: Set<() => void>;
  /** Of all there was when it began to follow. */
  initial: Promise<Confirmation>;
  /** What it has not confirmed yet, by the path of what was withdrawn. */
  readonly outstanding: Map<string, readonly Promise<Confirmation>[]>;
  /** Where it has failed last: it may still send there. */
  readonly failed: Set<string>;
}

/** Those who are told of each change, in the order of the changes. */
export class FollowerHub {
  readonly #members = new Map<string, Member>();
  readonly #log: Logger;
  readonly #all: () => readonly Entry[];

  constructor(options: { readonly log: Logger; readonly all: () => readonly Entry[] }) {
    this.#log = options.log;
    this.#all = options.all;
  }

  get names(): readonly string[] {
    return [...this.#members.keys()];
  }

  /** A follower that is being started again counts until it is there, or until this is disposed before. */
  expect(name: string): Disposable {
    const standIn = new StandIn(name);
    const place = this.follow(standIn);
    return toDisposable(() => {
      if (!standIn.taken) place.dispose();
    });
  }

  follow(follower: Follower): Disposable {
    const before = this.#members.get(follower.name);
    if (before?.follower instanceof StandIn && !before.follower.taken) {
      before.follower.take(follower);
      return toDisposable(before.leave);
    }
    if (this.#members.has(follower.name)) {
      throw new PreconditionError(
        `a follower ${follower.name} is there already: give each a name of its own`,
      );
    }
    const member: Member = {
      ...{ follower, gone: false, initial: Promise.resolve('gone') },
      ...{ unanswered: new Set(), outstanding: new Map(), failed: new Set() },
      leave: () => {
        this.#members.delete(follower.name);
        member.gone = true;
        for (const leave of member.unanswered) leave();
      },
    };
    this.#members.set(follower.name, member);
    member.initial = this.#tell(member, { announced: this.#all(), withdrawn: [] });
    return toDisposable(member.leave);
  }

  /** Tells all of a change. */
  publish(changes: Changes): readonly Pending[] {
    return [...this.#members.values()].map((member) => ({
      follower: member.follower.name,
      confirmation: this.#tell(member, changes),
    }));
  }

  /**
   * When nothing is sent to what was withdrawn there: of those who were told, their answers that are still to come; of
   * others that to what they were told first, since who knows what they still send to. Without a path, of all that was
   * withdrawn.
   */
  settled(path?: string): readonly Pending[] {
    return [...this.#members.values()].map((member) => {
      const { follower, initial, outstanding, failed } = member;
      const all = [initial, ...[...outstanding.values()].flat()];
      const untold = (key: string) =>
        failed.has(key) ? Promise.resolve('failed' as const) : this.#forgotten(member, key);
      const awaited = path === undefined ? all : (outstanding.get(path) ?? [untold(path)]);
      return { follower: follower.name, confirmation: worstOf(awaited) };
    });
  }

  #tell(member: Member, changes: Changes): Promise<Confirmation> {
    const { outstanding, failed } = member;
    const confirmation = this.#ask(member, changes);
    const paths = changes.withdrawn.map(formatKey);
    for (const path of paths) outstanding.set(path, [...(outstanding.get(path) ?? []), confirmation]);
    if (paths.length === 0) return confirmation;
    // One for all of them: whole nodes fall silent at once.
    void confirmation.then((confirmed) => {
      for (const path of paths) {
        if (confirmed === 'failed') failed.add(path);
        else failed.delete(path);
        const left = (outstanding.get(path) ?? []).filter((one) => one !== confirmation);
        if (left.length > 0) outstanding.set(path, left);
        else outstanding.delete(path);
      }
    });
    return confirmation;
  }

  async #forgotten(member: Member, path: string): Promise<Confirmation> {
    const { follower, initial } = member;
    const before = await initial;
    const key = parseKey(path);
    if (before !== 'acknowledged' || !key || !follower.forgotten) return before;
    return this.#answerOf(member, follower.forgotten(key));
  }

  #ask(member: Member, changes: Changes): Promise<Confirmation> {
    return this.#answerOf(member, member.follower.apply(changes));
  }

  /** Not a race against its leaving: whatever waits for that would be kept for as long as it follows. */
  #answerOf(member: Member, answer: Promise<void>): Promise<Confirmation> {
    return new Promise((resolve) => {
      const end = (confirmation: Confirmation) => {
        member.unanswered.delete(leave);
        resolve(confirmation);
      };
      const leave = () => end('gone');
      if (member.gone) leave();
      else member.unanswered.add(leave);
      answer.then(
        () => end('acknowledged'),
        (error: unknown) => {
          if (!member.gone) {
            this.#log.warn('a follower has failed to apply changes', {
              follower: member.follower.name,
              error: messageOf(error),
            });
          }
          end('failed');
        },
      );
    });
  }
}

async function worstOf(confirmations: readonly Promise<Confirmation>[]): Promise<Confirmation> {
  const all = new Set(await Promise.all(confirmations));
  if (all.has('failed')) return 'failed';
  return all.has('gone') ? 'gone' : 'acknowledged';
}
