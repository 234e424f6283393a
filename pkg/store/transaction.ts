import { ConflictError, ExistsError, type GilliamError, InternalError, InvalidError } from '../base/errors';
import { encodeObject } from './codec';
import { FencedError } from './errors';
import { nameOf, pathOf } from './keys';
import type { Guard, ObjectKey, Write } from './store';
import { Term } from './term';

// Below what etcd is started with (--max-txn-ops=1024), so that its own refusal is never seen. A formation is applied and
// rolled back with all of its routes, two writes each.
const maxOperations = 1_000;
const maxBytes = 1024 * 1024;

/** What must hold of one path, and which error says that it does not. */
export type Condition =
  /** Last written at this revision; 0: not there. */
  | {
      readonly on: 'modified';
      readonly path: string;
      readonly revision: bigint;
      readonly refusal: (seen: bigint) => GilliamError;
    }
  /** Created at this revision. */
  | {
      readonly on: 'created';
      readonly path: string;
      readonly revision: bigint;
      readonly refusal: (seen: bigint) => GilliamError;
    };

/** One path's new bytes; without bytes it is deleted. */
export interface Effect {
  readonly path: string;
  readonly bytes?: Uint8Array;
  /** The lease that keeps it, by id. */
  readonly lease?: string;
  /** What is there before: the revision at which it was last written; 0: nothing. */
  readonly before: bigint;
  /** For errors: `Instance hello/web-1-1`. */
  readonly name: string;
}

/** A transaction as both stores carry it out: when all conditions hold, all effects at one revision. */
export interface Transaction {
  /** The first that does not hold is the one reported. */
  readonly conditions: readonly Condition[];
  readonly effects: readonly Effect[];
}

/** Checks what can be checked without the store, and encodes. */
export function prepare(writes: readonly Write[], guards: readonly Guard[]): Transaction {
  if (writes.length + guards.length > maxOperations)
    throw new InvalidError(
      `${writes.length + guards.length} writes and guards at once: at most ${maxOperations}`,
    );
  // Leadership first: to a deposed leader it does not matter what else is wrong.
  const ordered = [
    ...guards.filter((guard) => guard.guard === 'leadership'),
    ...guards.filter((guard) => guard.guard === 'object'),
  ];
  const conditions = ordered.map(conditionOfGuard);
  const effects: Effect[] = [];
  for (const write of writes) {
    if (write.op !== 'delete' && write.lease?.lost.aborted)
      throw new FencedError('the lease of the write is over: take a new one');
    const { condition, effect } = prepareWrite(write);
    conditions.push(condition);
    effects.push(effect);
  }
  refuseRepetition(effects);
  refuseSize(effects);
  return { conditions, effects };
}

/** Why the transaction is refused, given what is there; undefined when it is not. */
export function refusalOf(
  transaction: Transaction,
  read: (path: string) => { readonly revision: bigint; readonly created: bigint } | undefined,
): GilliamError | undefined {
  for (const condition of transaction.conditions) {
    const found = read(condition.path);
    const seen = (condition.on === 'modified' ? found?.revision : found?.created) ?? 0n;
    if (seen !== condition.revision) return condition.refusal(seen);
  }
  return undefined;
}

function conditionOfGuard(guard: Guard): Condition {
  if (guard.guard === 'object') {
    const path = pathOf(guard.kind, guard.key);
    const name = nameOf(guard.kind, guard.key);
    return { on: 'modified', path, revision: guard.revision, refusal: conflict(name, guard.revision) };
  }
  const { leadership } = guard;
  if (!(leadership instanceof Term)) throw new InternalError('the leadership of a guard is none of a store');
  const fenced = () => new FencedError(`${leadership.identity} no longer leads ${leadership.election}`);
  if (leadership.lost.aborted) throw fenced();
  return {
    on: 'created',
    path: leadership.path,
    revision: leadership.term,
    refusal: () => {
      leadership.depose();
      return fenced();
    },
  };
}

function prepareWrite(write: Write): { condition: Condition; effect: Effect } {
  const { kind } = write;
  const key = keyOf(write);
  const path = pathOf(kind, key);
  const name = nameOf(kind, key);
  if (write.op === 'create') {
    const refusal = () => new ExistsError(`${name} exists`);
    return {
      condition: { on: 'modified', path, revision: 0n, refusal },
      effect: { path, name, before: 0n, bytes: encodeObject(kind, write.object), lease: write.lease?.id },
    };
  }
  const before = write.op === 'update' ? write.object.metadata.revision : write.revision;
  const refusal = conflict(name, before);
  // No object is at revision 0, which to etcd would mean "not there".
  if (before < 1n) throw refusal(-1n);
  const bytes = write.op === 'update' ? encodeObject(kind, write.object) : undefined;
  const lease = write.op === 'update' ? write.lease?.id : undefined;
  return {
    condition: { on: 'modified', path, revision: before, refusal },
    effect: { path, name, before, bytes, lease },
  };
}

/** Which object a write is about. */
export function keyOf(write: Write): ObjectKey {
  if (write.op === 'delete') return write.key;
  const { formation, name } = write.object.metadata;
  return { formation, name };
}

function conflict(name: string, wanted: bigint): (seen: bigint) => ConflictError {
  return (seen) => {
    if (wanted === 0n) return new ConflictError(`${name} exists, at revision ${seen}: read it again`);
    if (seen === 0n) return new ConflictError(`${name} is gone, was at revision ${wanted}: read it again`);
    if (seen < 0n)
      return new ConflictError(`${name}: revision ${wanted} is none of an object: read it again`);
    return new ConflictError(`${name} has changed, from revision ${wanted} to ${seen}: read it again`);
  };
}

function refuseRepetition(effects: readonly Effect[]): void {
  const paths = new Set<string>();
  for (const { path, name } of effects) {
    if (paths.has(path)) throw new InternalError(`${name} is written twice in one transaction`);
    paths.add(path);
  }
}

function refuseSize(effects: readonly Effect[]): void {
  const bytes = effects.reduce((sum, effect) => sum + effect.path.length + (effect.bytes?.length ?? 0), 0);
  if (bytes > maxBytes) throw new InvalidError(`a write of ${bytes} bytes: at most ${maxBytes} at once`);
}
