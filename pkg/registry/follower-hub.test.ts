import { silentLogger } from '../base/log';
import { FollowerHub } from './follower-hub';
import type { EntryKey, Follower } from './types';

test('invariant 7: what a follower was never told of is confirmed when it says so', async () => {
  let release: () => void = () => {};
  const asked: EntryKey[] = [];
  const follower: Follower = {
    name: 'virtual-ip',
    apply: async () => {},
    forgotten: (key) => {
      asked.push(key);
      return new Promise((resolve) => (release = resolve));
    },
  };
  const hub = new FollowerHub({ log: silentLogger, all: () => [] });
  // It is being started again.
  hub.expect('virtual-ip');
  const [pending] = hub.settled('shop/web.1');
  let confirmation: string | undefined;
  void pending?.confirmation.then((confirmed) => (confirmation = confirmed));
  hub.follow(follower);
  await new Promise((resolve) => setImmediate(resolve));
  expect(asked).toEqual([{ formation: 'shop', service: 'web', instance: '1' }]);
  expect(confirmation).toBeUndefined();
  release();
  expect(await pending?.confirmation).toBe('acknowledged');
});
