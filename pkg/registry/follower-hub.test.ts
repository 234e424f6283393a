import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
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

test('a change that is confirmed leaves nothing behind, however long its follower stays', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const heapBytes = () => {
    collect();
    return process.memoryUsage().heapUsed;
  };
  const hub = new FollowerHub({ log: silentLogger, all: () => [] });
  hub.follow({ name: 'proxy', apply: async () => {} });
  const change = async (times: number) => {
    for (let n = 0; n < times; n++) {
      await Promise.all(hub.publish({ announced: [], withdrawn: [] }).map((one) => one.confirmation));
    }
  };
  await change(1_000);
  const before = heapBytes();
  await change(50_000);
  // Each left some 300 bytes once.
  expect(heapBytes() - before).toBeLessThan(5_000_000);
});

test('whoever leaves is waited for no more', async () => {
  const hub = new FollowerHub({ log: silentLogger, all: () => [] });
  const place = hub.follow({ name: 'router', apply: () => new Promise(() => {}) });
  const pending = hub.publish({ announced: [], withdrawn: [] });
  place.dispose();
  expect(await Promise.all(pending.map((one) => one.confirmation))).toEqual(['gone']);
});
