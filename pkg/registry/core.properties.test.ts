import fc from 'fast-check';
import { Cores, keyOf, viewOf } from './core-fixture';
import { formatKey } from './entry-key';
import { NEVER } from './hybrid-clock';
import type { Delta } from './item';
import { defaultTimes } from './settings';

const nodes = 4;
const index = fc.nat(nodes - 1);

type Op =
  | {
      readonly kind: 'announce' | 'withdraw' | 'foreign';
      readonly node: number;
      readonly key: number;
      readonly value: number;
    }
  | { readonly kind: 'level'; readonly node: number; readonly other: number }
  | { readonly kind: 'push'; readonly node: number }
  | { readonly kind: 'deliver'; readonly node: number; readonly which: number }
  | { readonly kind: 'restart'; readonly node: number; readonly keeps: boolean };

const change = fc.record({
  kind: fc.constantFrom<'announce' | 'withdraw' | 'foreign'>('announce', 'withdraw', 'foreign'),
  node: index,
  key: fc.nat(5),
  value: fc.nat(3),
});
const operation: fc.Arbitrary<Op> = fc.oneof(
  { weight: 5, arbitrary: change },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('level' as const), node: index, other: index }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('push' as const), node: index }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('deliver' as const), node: index, which: fc.nat(20) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('restart' as const), node: index, keeps: fc.boolean() }),
  },
);

/** Runs operations in which messages are lost, delayed, repeated and reordered. */
async function play(operations: readonly Op[]): Promise<{ cores: Cores; last: Map<string, unknown> }> {
  const cores = new Cores(nodes);
  const underWay: Delta[] = [];
  const pushed = new Map<number, string>();
  /** Of keys that one node alone announces: what it said last. */
  const last = new Map<string, unknown>();
  for (const op of operations) {
    await cores.clock.advance(1);
    const node = cores.at(op.node);
    switch (op.kind) {
      case 'announce':
      case 'withdraw': {
        // The agent of a node alone speaks of these.
        const key = { ...keyOf(op.key), formation: `own-${String.fromCharCode(97 + op.node)}` };
        if (op.kind === 'announce') node.announce(key, { value: op.value }, 'agent');
        else node.withdraw(key, 'agent', false);
        last.set(formatKey(key), op.kind === 'announce' ? { value: op.value } : undefined);
        break;
      }
      case 'foreign':
        // Anybody anywhere speaks of these.
        if (op.value === 0) node.withdraw(keyOf(op.key), 'external', false);
        else node.announce(keyOf(op.key), { value: op.value }, 'external');
        break;
      case 'level':
        if (op.node !== op.other) cores.level(node, cores.at(op.other));
        break;
      case 'push':
        underWay.push(node.ownDelta(pushed.get(op.node) ?? NEVER));
        pushed.set(op.node, node.ownNewest);
        break;
      case 'deliver': {
        const delta = underWay[op.which % Math.max(1, underWay.length)];
        if (delta && delta.origin !== `e${op.node}`) node.receive([delta]);
        break;
      }
      case 'restart':
        // Whoever else is there knows what the node has said, once it has been asked.
        for (const other of cores.nodes) if (other !== node) cores.level(node, other);
        cores.restart(op.node, op.keeps ? node.save() : undefined);
        pushed.delete(op.node);
        break;
    }
  }
  return { cores, last };
}

describe('what nodes know', () => {
  test('is the same everywhere once they have spoken, whatever was lost, delayed, repeated or reordered', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 80 }), async (operations) => {
        const { cores } = await play(operations);
        cores.heal();
        const views = cores.nodes.map(viewOf);
        for (const view of views) expect(view).toEqual(views[0]);
      }),
      { numRuns: 300 },
    );
  });

  test('nothing that an agent has announced last is lost, and nothing that it has withdrawn last is there', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 80 }), async (operations) => {
        const { cores, last } = await play(operations);
        cores.heal();
        for (const node of cores.nodes) {
          const view = viewOf(node);
          for (const [path, body] of last) {
            expect({ path, body: (view[path] as { body: unknown } | undefined)?.body }).toEqual({
              path,
              body,
            });
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  test('a partition longer than the tombstone time brings nothing back and loses nothing', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(change, { maxLength: 20 }),
        fc.array(change, { maxLength: 20 }),
        fc.integer({ min: 1, max: nodes - 1 }),
        async (before, during, cut) => {
          const cores = new Cores(nodes);
          const last = new Map<string, unknown>();
          const apply = (changes: typeof before) => {
            for (const { kind, node, key, value } of changes) {
              const own = { ...keyOf(key), formation: `own-${String.fromCharCode(97 + node)}` };
              if (kind === 'withdraw') cores.at(node).withdraw(own, 'agent', false);
              else cores.at(node).announce(own, { value }, 'agent');
              last.set(formatKey(own), kind === 'withdraw' ? undefined : { value });
            }
          };
          const renew = () => {
            for (const [path, body] of last) {
              const node = path.charCodeAt('own-'.length) - 97;
              const [service = '', instance = ''] = path.slice(path.indexOf('/') + 1).split('.');
              const key = { formation: path.slice(0, path.indexOf('/')), service, instance };
              if (body !== undefined) cores.at(node).announce(key, body as { value: number }, 'agent');
            }
          };
          apply(before);
          cores.heal();
          apply(during);
          const sides = [cores.nodes.slice(0, cut), cores.nodes.slice(cut)];
          for (let passedMs = 0; passedMs < defaultTimes.tombstoneMs + 60_000; passedMs += 60_000) {
            await cores.pass(60_000);
            renew();
            for (const side of sides)
              for (const a of side) for (const b of side) if (a !== b) cores.level(a, b);
          }
          cores.heal();
          const expected = [...last]
            .filter(([, body]) => body !== undefined)
            .map(([path]) => path)
            .sort();
          for (const node of cores.nodes) expect(Object.keys(viewOf(node))).toEqual(expected);
        },
      ),
      { numRuns: 10 },
    );
  }, 60_000);
});
