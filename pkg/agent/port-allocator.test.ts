import fc from 'fast-check';
import { VirtualClock } from '../testing/virtual-clock';
import { PortTaken } from './driver-errors';
import { PortAllocator } from './port-allocator';

function allocator(taken: ReadonlySet<number> = new Set(), to = 10_009) {
  const clock = new VirtualClock();
  const isFree = async (port: number) => !taken.has(port);
  return { clock, ports: new PortAllocator({ from: 10_000, to, isFree, clock }) };
}

test('the lowest free ports, in order', async () => {
  const { ports } = allocator(new Set([10_001]));
  expect(await ports.allocate('a', 2)).toEqual([10_000, 10_002]);
  expect(await ports.allocate('b', 1)).toEqual([10_003]);
  ports.release('a');
  expect(await ports.allocate('c', 1)).toEqual([10_000]);
});

test('an instance is given the same ports again', async () => {
  const { ports } = allocator();
  ports.adopt('a', [10_004]);
  expect(await ports.allocate('a', 1)).toEqual([10_004]);
  expect(await ports.allocate('a', 2)).toEqual([10_004, 10_000]);
  expect(await ports.allocate('a', 0)).toEqual([]);
  expect(ports.heldBy('a')).toEqual([]);
});

test('a port that something else had is passed over for a while', async () => {
  const taken = new Set([10_000]);
  const { clock, ports } = allocator(taken);
  expect(await ports.allocate('a', 1)).toEqual([10_001]);
  taken.clear();
  expect(await ports.allocate('b', 1)).toEqual([10_002]);
  await clock.advance(60_000);
  expect(await ports.allocate('c', 1)).toEqual([10_000]);
});

test('when none is left it says so', async () => {
  const { ports } = allocator(new Set(), 10_001);
  await ports.allocate('a', 2);
  await expect(ports.allocate('b', 1)).rejects.toThrow(PortTaken);
  await expect(ports.allocate('b', 1)).rejects.toThrow('no host port from 10000 to 10001 is free');
});

test('no port is ever held by two instances, whatever starts, stops and is taken at once', async () => {
  const step = fc.record({
    uid: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
    what: fc.constantFrom('allocate', 'allocate', 'allocate', 'release', 'avoid', 'adopt'),
    count: fc.nat(3),
    port: fc.integer({ min: 10_000, max: 10_009 }),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 40 }),
      fc.uniqueArray(fc.integer({ min: 10_000, max: 10_009 }), { maxLength: 4 }),
      async (steps, taken) => {
        const { ports } = allocator(new Set(taken));
        const uids = ['a', 'b', 'c', 'd', 'e'];
        const work: Promise<unknown>[] = [];
        for (const { uid, what, count, port } of steps) {
          if (what === 'allocate') {
            const given = ports.allocate(uid, count).then(
              (list) => expect(list.filter((one) => taken.includes(one))).toEqual([]),
              (error: unknown) => expect(error).toBeInstanceOf(PortTaken),
            );
            work.push(given);
          } else if (what === 'release') ports.release(uid);
          else if (what === 'avoid') ports.avoid(uid, port);
          else ports.adopt(uid, [port]);
          const held = uids.flatMap((one) => ports.heldBy(one));
          expect(new Set(held).size).toBe(held.length);
        }
        await Promise.all(work);
      },
    ),
  );
});
