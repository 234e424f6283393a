import fc from 'fast-check';
import { scales } from '../../resource/objects';
import type { Store } from '../store';
import { type ModelGuard, type ModelKey, type ModelWrite, StoreModel } from './model';
import { create, Recorder, remove, scale, until, update } from './support';

const keys: readonly ModelKey[] = ['a/v1', 'a/v2', 'a-b/v1', 'b/v1'];

interface WriteChoice {
  /** `put`: create or update, whichever can succeed. */
  readonly op: 'put' | 'create' | 'update' | 'delete';
  readonly key: ModelKey;
  readonly value: number;
  /** How many revisions the writer's view is behind. */
  readonly behind: number;
}

/** One step of a random run, in terms of what is there when it is taken. */
export type Step =
  | {
      readonly step: 'commit';
      readonly writes: readonly WriteChoice[];
      readonly guards: readonly GuardChoice[];
    }
  | {
      readonly step: 'list';
      readonly back: number;
      readonly formation?: string;
      readonly limit?: number;
      readonly after?: ModelKey;
    }
  | { readonly step: 'compact'; readonly back: number };

interface GuardChoice {
  readonly key: ModelKey;
  readonly absent: boolean;
  readonly behind: number;
}

const key = fc.constantFrom(...keys);
const behind = fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 1, 3);
const write = fc.record({
  op: fc.constantFrom<WriteChoice['op'][]>(
    'put',
    'put',
    'put',
    'put',
    'create',
    'update',
    'delete',
    'delete',
  ),
  key,
  value: fc.nat(9),
  behind,
});
const guard = fc.record({ key, absent: fc.boolean(), behind });
const commits = fc.record({
  step: fc.constant('commit' as const),
  writes: fc.oneof(
    { arbitrary: fc.array(write, { minLength: 1, maxLength: 1 }), weight: 3 },
    {
      arbitrary: fc.uniqueArray(write, { selector: (choice) => choice.key, minLength: 2, maxLength: 4 }),
      weight: 3,
    },
    { arbitrary: fc.array(write, { maxLength: 2 }), weight: 1 },
  ),
  guards: fc.oneof({ arbitrary: fc.constant([]), weight: 3 }, fc.array(guard, { maxLength: 1 })),
});
const lists = fc.record(
  {
    step: fc.constant('list' as const),
    back: fc.integer({ min: -1, max: 6 }),
    formation: fc.constantFrom('a', 'a-b', 'b', 'none'),
    limit: fc.integer({ min: 1, max: 3 }),
    after: key,
  },
  { requiredKeys: ['step', 'back'] },
);
const compactions = fc.record({ step: fc.constant('compact' as const), back: fc.nat(5) });

export const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { arbitrary: commits, weight: 8 },
    { arbitrary: lists, weight: 3 },
    { arbitrary: compactions, weight: 1 },
  ),
  { minLength: 20, maxLength: 50, size: 'max' },
);

/** Takes the steps on a store that is empty, and on the model: each outcome, and all watches after, must be the same. */
export async function checkAgainstModel(
  store: Store,
  compact: (revision: bigint) => Promise<void>,
  taken: readonly Step[],
): Promise<void> {
  const model = new StoreModel();
  const base = (await store.list(scales)).revision;
  for (const step of taken) {
    if (step.step === 'compact') {
      const revision = Math.max(0, model.revision - step.back);
      await compact(base + BigInt(revision));
      model.compact(revision);
    } else if (step.step === 'commit') {
      const writes = step.writes.map((choice) => writeOf(model, choice));
      const guards = step.guards.map((choice) => guardOf(model, choice));
      expect(await commitOn(store, writes, guards, base)).toEqual(model.commit(writes, guards));
    } else {
      const { step: _, back, ...options } = step;
      const at = Math.max(0, model.revision - back);
      expect(await listOn(store, { ...options, at }, base)).toEqual(model.list({ ...options, at }));
    }
  }
  const afters = Array.from({ length: model.revision }, (_, after) => after);
  const seen = await Promise.all(afters.map((after) => watchOn(store, after, model.revision, base)));
  expect(seen).toEqual(afters.map((after) => model.watch(after)));
}

/** The revision that a writer names who is some revisions behind; one that never was for what is not there. */
function revisionOf(model: StoreModel, choice: { key: ModelKey; behind: number }): number {
  return Math.max(0, (model.get(choice.key)?.revision ?? model.revision) - choice.behind);
}

function writeOf(model: StoreModel, choice: WriteChoice): ModelWrite {
  const put = model.get(choice.key) ? 'update' : 'create';
  return { ...choice, op: choice.op === 'put' ? put : choice.op, revision: revisionOf(model, choice) };
}

function guardOf(model: StoreModel, choice: GuardChoice): ModelGuard {
  return { key: choice.key, revision: choice.absent ? -1 : revisionOf(model, choice) };
}

async function commitOn(
  store: Store,
  writes: readonly ModelWrite[],
  guards: readonly ModelGuard[],
  base: bigint,
): Promise<string> {
  const storeWrites = writes.map(({ op, key: path, value, revision }) => {
    const { formation, name } = objectKey(path);
    const object = scale(formation, name, value);
    if (op === 'create') return create(scales, object);
    const at = base + BigInt(revision);
    return op === 'update' ? update(scales, object, at) : remove(scales, object, at);
  });
  const storeGuards = guards.map(({ key: path, revision }) => ({
    guard: 'object' as const,
    kind: scales,
    key: objectKey(path),
    revision: revision < 0 ? 0n : base + BigInt(revision),
  }));
  return outcome(async () => `committed ${(await store.commit(storeWrites, storeGuards)) - base}`);
}

async function listOn(
  store: Store,
  options: { at: number; formation?: string; limit?: number; after?: ModelKey },
  base: bigint,
): Promise<string> {
  return outcome(async () => {
    const { items, more } = await store.list(scales, {
      ...options,
      at: base + BigInt(options.at),
      after: options.after === undefined ? undefined : objectKey(options.after),
    });
    const shown = items.map(
      ({ metadata, spec }) =>
        `${metadata.formation}/${metadata.name}=${spec.factors['web']}@${metadata.revision - base}`,
    );
    return [...shown, ...(more ? ['more'] : [])].join(' ');
  });
}

async function watchOn(store: Store, after: number, last: number, base: bigint): Promise<string[] | string> {
  const watch = new Recorder(store, { kinds: [scales], after: base + BigInt(after) });
  await until('the watch comes to the end', () => watch.ended || watch.revision >= base + BigInt(last));
  await watch.stop();
  if (watch.error) return (watch.error as Error).name;
  return watch.changes.map(({ key: { formation, name }, object }) => {
    if (!object) return `${formation}/${name} deleted`;
    const { metadata, spec } = object as ReturnType<typeof scale>;
    return `${formation}/${name}=${spec.factors['web']}@${metadata.revision - base}`;
  });
}

async function outcome(call: () => Promise<string>): Promise<string> {
  try {
    return await call();
  } catch (error) {
    return (error as Error).name;
  }
}

function objectKey(path: ModelKey): { formation: string; name: string } {
  const [formation, name] = path.split('/') as [string, string];
  return { formation, name };
}
