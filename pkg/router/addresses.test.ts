import { VirtualClock } from '../testing/virtual-clock';
import { Addresses } from './addresses';

const refreshMs = 10_000;

function harness(answers: () => readonly string[]) {
  const clock = new VirtualClock();
  const asked: string[] = [];
  let changes = 0;
  const addresses = new Addresses({
    resolve: async (host) => {
      asked.push(host);
      return answers();
    },
    clock,
    onChange: () => changes++,
  });
  const ended = new AbortController();
  void addresses.run(ended.signal);
  return { clock, addresses, asked, changes: () => changes, end: () => ended.abort() };
}

test('an address is its own, and the one of a name is known a little later', async () => {
  const { addresses, clock, changes, end } = harness(() => ['10.0.0.2']);
  expect(addresses.of('10.0.0.1')).toBe('10.0.0.1');
  expect(addresses.of('host-2')).toBeUndefined();
  await clock.advance(0);
  expect(addresses.of('host-2')).toBe('10.0.0.2');
  expect(changes()).toBe(1);
  end();
});

test('another address is taken up; the same ones in another order are no change, nor is silence', async () => {
  let answer = ['10.0.0.2', '10.0.0.3'];
  const { addresses, clock, changes, end } = harness(() => answer);
  addresses.of('host-2');
  await clock.advance(refreshMs);
  answer = ['10.0.0.3', '10.0.0.2'];
  await clock.advance(refreshMs);
  expect([addresses.of('host-2'), changes()]).toEqual(['10.0.0.2', 1]);
  answer = [];
  await clock.advance(refreshMs);
  expect([addresses.of('host-2'), changes()]).toEqual(['10.0.0.2', 1]);
  answer = ['10.0.0.3'];
  await clock.advance(refreshMs);
  expect([addresses.of('host-2'), changes()]).toEqual(['10.0.0.3', 2]);
  end();
});

test('names that nobody has asked for in a long time are looked up no more', async () => {
  const { addresses, clock, asked, end } = harness(() => ['10.0.0.2']);
  for (let n = 0; n < 12_000; n++) addresses.of(`host-${n}`);
  asked.length = 0;
  await clock.advance(refreshMs);
  expect(asked).toHaveLength(10_000);
  expect(asked).not.toContain('host-0');
  end();
});
