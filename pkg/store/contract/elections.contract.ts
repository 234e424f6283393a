import { CancelledError } from '../../base/errors';
import { scales } from '../../resource/objects';
import { FencedError } from '../errors';
import type { Leadership, Store } from '../store';
import { Term } from '../term';
import { create, scale, type StoreHarness, until } from './support';

export function electionsContract(harness: () => StoreHarness): void {
  const ttlMs = 5000;
  let stop: AbortController;
  let one: Store;
  let two: Store;
  beforeEach(async () => {
    stop = new AbortController();
    one = await harness().open();
    two = await harness().open();
  });
  afterEach(() => stop.abort());

  test('who campaigns alone leads', async () => {
    expect(await one.leader('controllers')).toBeUndefined();
    const leadership = await one.campaign('controllers', 'one', ttlMs, stop.signal);
    expect(leadership).toMatchObject({ election: 'controllers', identity: 'one' });
    expect(await two.leader('controllers')).toBe('one');
    const other = await two.campaign('garbage', 'two', ttlMs, stop.signal);
    await Promise.all([leadership.resign(), other.resign()]);
    expect(await two.leader('controllers')).toBeUndefined();
  });

  test('the second leads as soon as the first resigns, in a later term', async () => {
    const first = await one.campaign('controllers', 'one', ttlMs, stop.signal);
    let second: Leadership | undefined;
    const campaign = two.campaign('controllers', 'two', ttlMs, stop.signal).then((won) => (second = won));
    await until('two is a candidate', async () => (await two.list(scales)).revision > first.term);
    expect(second).toBeUndefined();
    expect(await one.leader('controllers')).toBe('one');
    await first.resign();
    expect(first.lost.aborted).toBe(true);
    const won = await campaign;
    expect(won.term).toBeGreaterThan(first.term);
    expect(await one.leader('controllers')).toBe('two');
    await won.resign();
  });

  test('a candidate that gives up leaves nothing behind', async () => {
    const first = await one.campaign('controllers', 'one', ttlMs, stop.signal);
    const giveUp = new AbortController();
    const campaign = two.campaign('controllers', 'two', ttlMs, giveUp.signal);
    await until('two is a candidate', async () => (await two.list(scales)).revision > first.term);
    giveUp.abort();
    await expect(campaign).rejects.toThrow(CancelledError);
    await first.resign();
    await until('nobody leads', async () => (await one.leader('controllers')) === undefined);
  });

  test("a leader's guarded write is applied", async () => {
    const leadership = await one.campaign('controllers', 'one', ttlMs, stop.signal);
    await one.commit([create(scales, scale('shop', 'v1'))], [{ guard: 'leadership', leadership }]);
    expect((await two.list(scales)).items).toHaveLength(1);
    await leadership.resign();
  });

  test('invariant 9: a deposed leader changes nothing, and learns it with its first write', async () => {
    const leadership = await one.campaign('controllers', 'one', ttlMs, stop.signal);
    // As seen by a process that has not noticed that its term is over.
    const { path, term } = leadership as Term;
    const stale = new Term('controllers', 'one', term - 1n, path, await one.lease(60_000));
    const write = create(scales, scale('shop', 'v1'));
    const refused = one.commit([write], [{ guard: 'leadership', leadership: stale }]);
    await expect(refused).rejects.toThrow(FencedError);
    await expect(refused).rejects.toThrow('one no longer leads controllers');
    expect(stale.lost.aborted).toBe(true);
    await leadership.resign();
    await expect(one.commit([write], [{ guard: 'leadership', leadership }])).rejects.toThrow(FencedError);
    expect((await two.list(scales)).items).toEqual([]);
  });
}
