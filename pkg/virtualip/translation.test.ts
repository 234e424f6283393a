import { silentLogger } from '../base/log';
import { VirtualClock } from '../testing/virtual-clock';
import type { Services } from './ruleset';
import { TranslatedConnections } from './translated-connections';
import { Translation } from './translation';

const none: Services = new Map();
const some: Services = new Map([['web.shop.service', []]]);

/** What it is asked, and which of that fails. */
function harness({ isThere = true } = {}) {
  const clock = new VirtualClock();
  const asked: string[] = [];
  const failing = new Set<string>();
  const said: string[] = [];
  const ask = async (what: string) => {
    asked.push(what);
    if (failing.has(what)) throw new Error(`bpftool has refused to ${what}`);
  };
  const kernel = { attached: true };
  const translation = new Translation({
    translator: {
      isThere,
      begin: () => ask('begin'),
      isAttached: async () => kernel.attached,
      bringInStep: (before) => ask(before ? 'change' : 'make'),
      off: () => ask('turn off'),
      open: async () => [{ virtual: '198.18.16.5', target: '172.17.0.2:80', count: 2 }],
      made: async () => new Map([['198.18.16.5', 7]]),
    },
    clock,
    log: {
      ...silentLogger,
      info: (message: string) => void said.push(message),
      warn: (message: string) => void said.push(message),
    },
  });
  /** What was asked since the last time. */
  const since = () => asked.splice(0);
  return { clock, failing, translation, since, said, kernel };
}

it('follows what it is told', async () => {
  const { translation, since } = harness();
  await translation.start();
  await translation.bringInStep(undefined, some);
  await translation.bringInStep(some, none);
  expect(since()).toEqual(['begin', 'make', 'change']);
  expect(await translation.made()).toEqual(new Map([['198.18.16.5', 7]]));
});

it('says which way it is, and why', async () => {
  const { translation, failing, clock, kernel } = harness();
  const seen = () => translation.status;
  expect(seen()).toEqual({ translation: 'nftables', reason: 'it is not set up yet' });
  failing.add('begin');
  await translation.start();
  expect(seen()).toEqual({ translation: 'nftables', reason: 'bpftool has refused to begin' });
  failing.clear();
  await translation.bringInStep(none, some);
  await clock.advance(5_000);
  await translation.bringInStep(none, some);
  expect(seen()).toEqual({ translation: 'connect', reason: '' });
  failing.add('change');
  await translation.bringInStep(some, none);
  expect(seen()).toEqual({ translation: 'nftables', reason: 'bpftool has refused to change' });
  failing.clear();
  await clock.advance(5_000);
  await translation.bringInStep(some, none);
  kernel.attached = false;
  await translation.check();
  expect(seen()).toEqual({
    translation: 'nftables',
    reason: 'it was taken away by others, and is begun again',
  });
});

it('is nothing where it cannot be, says so once, and nobody waits for it', async () => {
  const { translation, since, failing, said } = harness({ isThere: false });
  failing.add('begin');
  await translation.start();
  await translation.bringInStep(undefined, some);
  expect(since()).toEqual(['begin']);
  expect(said).toEqual(['connections to virtual IPs are translated by nftables alone']);
  expect(await translation.open()).toEqual([]);
  expect(await translation.made()).toEqual(new Map());
});

it('that has failed is off, and begins anew with all there is after a while', async () => {
  const { translation, since, failing, said, clock } = harness();
  await translation.start();
  failing.add('change');
  await translation.bringInStep(none, some);
  expect(since()).toEqual(['begin', 'change', 'turn off']);
  expect(translation.isOn).toBe(false);
  // What is under way is still counted.
  expect(await translation.open()).toHaveLength(1);
  await translation.bringInStep(some, none);
  expect(since()).toEqual([]);
  failing.add('begin');
  await clock.advance(5_000);
  await translation.bringInStep(none, some);
  await clock.advance(5_000);
  await translation.bringInStep(none, some);
  expect(since()).toEqual(['begin', 'turn off', 'begin', 'turn off']);
  failing.clear();
  await clock.advance(5_000);
  await translation.bringInStep(none, some);
  expect(since()).toEqual(['begin', 'make']);
  expect(translation.isOn).toBe(true);
  expect(said.filter((line) => line.includes('for now'))).toHaveLength(1);
});

it('invariant 7: acknowledges nothing while it may translate what is not true any more', async () => {
  const { translation, since, failing } = harness();
  await translation.start();
  failing.add('change').add('turn off');
  await expect(translation.bringInStep(some, none)).rejects.toThrow('refused to turn off');
  await expect(translation.bringInStep(none, none)).rejects.toThrow('refused to turn off');
  failing.delete('turn off');
  await translation.bringInStep(none, none);
  expect(since()).toEqual(['begin', 'change', 'turn off', 'turn off', 'turn off']);
});

it('invariant 7: what a process before has left and this one cannot take over is turned off first', async () => {
  const { translation, since, failing } = harness({ isThere: true });
  failing.add('begin').add('turn off');
  await translation.start();
  await expect(translation.bringInStep(undefined, none)).rejects.toThrow('refused to turn off');
  failing.delete('turn off');
  await translation.bringInStep(undefined, none);
  expect(since()).toEqual(['begin', 'turn off', 'turn off']);
});

it('comes back at once when others have taken it away', async () => {
  const { translation, since, kernel } = harness();
  await translation.start();
  await translation.check();
  kernel.attached = false;
  await translation.check();
  await translation.bringInStep(some, some);
  expect(since()).toEqual(['begin', 'begin', 'make']);
});

describe('connections of both', () => {
  const range = { text: '198.18.16.0/20', first: 0, last: 2 ** 32 - 1 };
  const pair = { virtual: '198.18.16.5', target: '172.17.0.2:80' };
  const table = (open: readonly { virtual: string; target: string; count: number }[] | undefined) => ({
    open: async () => open,
  });

  it('are each pair once', async () => {
    const other = { ...pair, target: '172.17.0.3:80', count: 1 };
    const both = new TranslatedConnections(table([{ ...pair, count: 1 }, other]), {
      open: async () => [{ ...pair, count: 2 }],
    });
    expect(await both.open(range)).toEqual([{ ...pair, count: 3 }, other]);
  });

  it('are not known where one of them is not', async () => {
    const translated = { open: async () => [{ ...pair, count: 2 }] };
    expect(await new TranslatedConnections(table(undefined), translated).open(range)).toBeUndefined();
    const failing = { open: () => Promise.reject(new Error('bpftool')) };
    await expect(new TranslatedConnections(table([]), failing).open(range)).rejects.toThrow('bpftool');
  });
});
