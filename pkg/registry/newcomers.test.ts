import { FakeRegistry } from '../testing/fake-registry';
import { VirtualClock } from '../testing/virtual-clock';
import { Newcomers } from './newcomers';

function setUp() {
  const [registry, clock] = [new FakeRegistry(), new VirtualClock()];
  const newcomers = new Newcomers(registry, clock);
  const wait = (address: string) => {
    const state = { over: false };
    void newcomers.wait(address).then(() => (state.over = true));
    return state;
  };
  return { registry, clock, wait };
}

it('waits until it is known who has the address', async () => {
  const { registry, clock, wait } = setUp();
  const waiting = wait('172.17.0.9');
  await clock.advance(500);
  registry.setIdentity('172.17.0.8', 'shop/web.1');
  await clock.advance(0);
  expect(waiting.over).toBe(false);
  registry.setIdentity('172.17.0.9', 'shop/web.2');
  await clock.advance(0);
  expect(waiting.over).toBe(true);
});

it('does not wait for those who are known, and not long for those who are nobody', async () => {
  const { registry, clock, wait } = setUp();
  registry.setIdentity('172.17.0.9', 'shop/web.1');
  const [known, nobody] = [wait('172.17.0.9'), wait('172.17.0.99')];
  await clock.advance(0);
  expect([known.over, nobody.over]).toEqual([true, false]);
  await clock.advance(2_000);
  expect(nobody.over).toBe(true);
});

it('lets nobody keep others from waiting', async () => {
  const { clock, wait } = setUp();
  const flood = Array.from({ length: 1000 }, () => wait('172.17.0.99'));
  const other = wait('172.17.0.9');
  await clock.advance(1_000);
  expect(flood.filter(({ over }) => !over)).toHaveLength(16);
  expect(other.over).toBe(false);
});
