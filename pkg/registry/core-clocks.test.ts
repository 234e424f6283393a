import fc from 'fast-check';
import { Cores, keyOf, viewOf } from './core-fixture';
import { formatKey } from './entry-key';
import { versionMs } from './hybrid-clock';
import { defaultTimes } from './settings';

const dayMs = 86_400_000;
const hourMs = 3_600_000;
const name = { formation: 'shop', service: 'web' };

describe('a clock that was far ahead and has been set right', () => {
  test('its node is believed again at once, and what it says from then on counts', async () => {
    const cores = new Cores(3);
    cores.at(0).announce(keyOf(2), { port: 1 }, 'agent');
    cores.heal();
    cores.aheadMs[0] = dayMs;
    cores.at(0).announce(keyOf(2), { port: 2 }, 'agent');
    cores.at(0).announce(keyOf(4), { port: 3 }, 'agent');
    cores.heal();
    expect(cores.at(1).index.lookup(name)).toMatchObject([{ body: { port: 1 } }]);
    cores.aheadMs[0] = 0;
    await cores.pass(1_000);
    cores.recover();
    cores.heal();
    for (const node of cores.nodes) {
      expect(node.index.lookup(name)).toMatchObject([{ body: { port: 2 } }, { body: { port: 3 } }]);
    }
    cores.at(0).announce(keyOf(2), { port: 5 }, 'agent');
    cores.at(0).withdraw(keyOf(4), 'agent', false);
    cores.heal();
    for (const node of cores.nodes) expect(node.index.lookup(name)).toMatchObject([{ body: { port: 5 } }]);
  });

  test('the same where it is restarted with what it kept', async () => {
    const cores = new Cores(3);
    cores.aheadMs[0] = dayMs;
    cores.restart(0);
    cores.at(0).announce(keyOf(2), { port: 2 }, 'agent');
    const saved = cores.at(0).save();
    cores.aheadMs[0] = 0;
    await cores.clock.advance(1_000);
    cores.restart(0, saved);
    cores.heal();
    for (const node of cores.nodes) expect(node.index.lookup(name)).toMatchObject([{ body: { port: 2 } }]);
    cores.at(0).announce(keyOf(2), { port: 3 }, 'agent');
    cores.heal();
    for (const node of cores.nodes) expect(node.index.lookup(name)).toMatchObject([{ body: { port: 3 } }]);
  });

  test('the same where all clocks were wrong together, and nothing is missing in between', async () => {
    const cores = new Cores(3);
    cores.aheadMs.fill(dayMs);
    cores.nodes.forEach((node, index) => node.announce(keyOf(2 * index), { port: 1 }, 'agent'));
    cores.heal();
    for (let index = 0; index < 3; index++) {
      cores.aheadMs[index] = 0;
      await cores.pass(1_000);
      for (const node of cores.nodes) expect(node.index.lookup(name)).toHaveLength(3);
      cores.recover();
      cores.heal();
      for (const node of cores.nodes) expect(node.index.lookup(name)).toHaveLength(3);
    }
    cores.nodes.forEach((node, index) => node.announce(keyOf(2 * index), { port: 2 }, 'agent'));
    cores.heal();
    for (const node of cores.nodes) {
      expect(node.index.lookup(name).map(({ body }) => body.port)).toEqual([2, 2, 2]);
    }
  });

  test('who only passes on what is far ahead is believed, but for that', () => {
    const cores = new Cores(3);
    // Each a little too far from the next: the one between them takes what the first says.
    cores.aheadMs.splice(0, 2, 1.8 * hourMs, 0.9 * hourMs);
    cores.at(0).announce(keyOf(2), {}, 'agent');
    cores.at(1).announce(keyOf(4), {}, 'agent');
    cores.level(cores.at(0), cores.at(1));
    cores.level(cores.at(1), cores.at(2));
    expect(cores.at(2).index.lookup(name)).toMatchObject([{ origin: 'e1' }]);
    expect(cores.at(2).refused).toEqual(['e0']);
  });
});

type Op =
  | {
      readonly kind: 'announce' | 'withdraw';
      readonly node: number;
      readonly key: number;
      readonly value: number;
    }
  | { readonly kind: 'level'; readonly node: number; readonly other: number }
  | { readonly kind: 'restart'; readonly node: number; readonly keeps: boolean }
  | { readonly kind: 'clock'; readonly node: number; readonly aheadMs: number }
  | { readonly kind: 'pass'; readonly ms: number };

const nodes = 4;
const index = fc.nat(nodes - 1);
const operation: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom('announce' as const, 'withdraw' as const),
      node: index,
      key: fc.nat(3),
      value: fc.nat(3),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('level' as const), node: index, other: index }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('restart' as const), node: index, keeps: fc.boolean() }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('clock' as const),
      node: index,
      aheadMs: fc.constantFrom(-dayMs, -hourMs / 2, 0, hourMs / 2, 1.1 * hourMs, 1.7 * hourMs, dayMs),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.constantFrom(1, 2_000, 20_000) }),
  },
);

/** Agents announce, nodes restart, clocks go wrong and are set right. @returns what each agent said last */
async function play(
  cores: Cores,
  operations: readonly Op[],
): Promise<Map<string, { node: number; key: number; body: unknown }>> {
  const last = new Map<string, { node: number; key: number; body: unknown }>();
  for (const op of operations) {
    switch (op.kind) {
      case 'announce':
      case 'withdraw': {
        const body = op.kind === 'announce' ? { value: op.value } : undefined;
        say(cores, op.node, op.key, body);
        last.set(formatKey(ownKey(op.node, op.key)), { node: op.node, key: op.key, body });
        break;
      }
      case 'level':
        if (op.node !== op.other) cores.level(cores.at(op.node), cores.at(op.other));
        break;
      case 'restart':
        cores.restart(op.node, op.keeps ? cores.at(op.node).save() : undefined);
        // Its agent sees that it was restarted, and tells it all again.
        for (const { node, key, body } of last.values()) if (node === op.node) say(cores, node, key, body);
        break;
      case 'clock':
        cores.aheadMs[op.node] = op.aheadMs;
        break;
      case 'pass':
        await cores.clock.advance(op.ms);
        for (const node of cores.nodes) node.tick();
        cores.recover();
        break;
    }
  }
  return last;
}

function ownKey(node: number, key: number) {
  return { ...keyOf(key), formation: `own-${String.fromCharCode(97 + node)}` };
}

function say(cores: Cores, node: number, key: number, body: unknown): void {
  if (body === undefined) cores.at(node).withdraw(ownKey(node, key), 'agent', false);
  else cores.at(node).announce(ownKey(node, key), body as { value: number }, 'agent');
}

describe('whatever clocks have said before', () => {
  test('once they are right, all nodes agree, on what each agent has said last, and on what it says next', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 60 }), async (operations) => {
        const cores = new Cores(nodes);
        const last = await play(cores, operations);
        cores.aheadMs.fill(0);
        for (let round = 0; round < 3; round++) {
          await cores.clock.advance(1_000);
          for (const node of cores.nodes) node.tick();
          cores.recover();
          cores.heal();
        }
        expectAll(cores, last);
        // A change at each node: nothing that was said before stands in its way.
        for (let node = 0; node < nodes; node++) {
          say(cores, node, 0, { value: 'new' });
          last.set(formatKey(ownKey(node, 0)), { node, key: 0, body: { value: 'new' } });
        }
        cores.heal();
        expectAll(cores, last);
      }),
      { numRuns: 100 },
    );
  });

  test('no node tells of a time that is further ahead of its own clock than others believe', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 60 }), async (operations) => {
        const cores = new Cores(nodes);
        for (const op of operations) {
          await play(cores, [op]);
          cores.nodes.forEach((node, at) => {
            const digests = node.digests();
            const { deltas } = node.compare(
              digests.map(({ origin }) => ({ origin, newest: '', floor: '', heartbeat: 0, ageMs: 0 })),
            );
            const told = [
              ...digests.flatMap(({ newest, floor }) => [newest, floor]),
              ...deltas.flatMap(({ newest, items }) => [newest, ...items.map(({ version }) => version)]),
            ];
            const boundMs =
              cores.clock.now() + (cores.aheadMs[at] ?? 0) + 1.25 * defaultTimes.maxClockAheadMs;
            for (const version of told) expect(versionMs(version)).toBeLessThanOrEqual(boundMs);
          });
        }
      }),
      { numRuns: 60 },
    );
  });
});

function expectAll(cores: Cores, last: ReadonlyMap<string, { readonly body: unknown }>): void {
  const expected = Object.fromEntries(
    [...last].filter(([, { body }]) => body !== undefined).map(([path, { body }]) => [path, body]),
  );
  for (const node of cores.nodes) {
    const bodies = Object.entries(viewOf(node)).map(([path, entry]) => [
      path,
      (entry as { body: unknown }).body,
    ]);
    expect(Object.fromEntries(bodies)).toEqual(expected);
  }
  for (const node of cores.nodes) expect(viewOf(node)).toEqual(viewOf(cores.at(0)));
}
