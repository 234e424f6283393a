import * as executors from './mutants/executors';
import { withoutVerdicts } from './mutants/services';
import * as stores from './mutants/stores';
import { storyLength } from './report';
import { run } from './run';
import type { Sabotage } from './sabotage';
import { scenarioOf, story } from './scenario';

const losing = { 12: 'long partition', 40: 'scale up' };
const emptying = { 12: 'empty', 20: 'fill' };
const incapable = { 12: 'picky release', 14: 'fill' };

/** A check that cannot fail is none: each is shown a product that is broken in a way that it is there to notice. */
describe('a broken product is noticed', () => {
  test.each<[number, string, Sabotage, Readonly<Record<number, string>>]>([
    [1, 'an instance is moved', { controllersStore: stores.movesInstances }, {}],
    [1, 'an instance is made where it is to run', { controllersStore: stores.makesPlaced }, {}],
    [1, 'data is moved', { controllersStore: stores.movesVolumes }, emptying],
    [2, 'two containers have one volume', { driver: executors.sharesVolumes }, { 12: 'scale up' }],
    [3, 'a job is not run', { controllersStore: stores.forgetsCronJobs }, { 12: 'cron' }],
    [5, 'data goes with its container', { driver: executors.removesVolumes }, emptying],
    [2, 'an engine is asked for two containers', { driver: executors.createsTwice }, {}],
    [2, 'a container is made on another executor', { driver: executors.createsElsewhere() }, {}],
    [3, 'what was lost is not replaced', { controllersStore: stores.replacesNothing }, losing],
    [3, 'what is too much is not taken away', { controllersStore: stores.keepsAll }, { 12: 'scale down' }],
    [4, 'a release is changed', { apiStore: stores.changesReleases }, {}],
    [4, 'a number is used twice', { apiStore: stores.usesNumbersTwice }, {}],
    [4, 'numbers are counted back', { apiStore: stores.countsBack }, { 12: 'sound release' }],
    [5, 'a change is acknowledged, and not written', { apiStore: stores.forgetsScales }, { 12: 'scale up' }],
    [
      5,
      'an old version is changed all the same',
      { apiStore: stores.ignoresConflicts },
      { 12: 'race', 13: 'race', 14: 'race' },
    ],
    [5, 'reports are acknowledged, and not written', { apiStore: stores.forgetsReports }, {}],
    [
      6,
      'executors are told of nothing when they come back',
      { responses: executors.startsEmpty() },
      { 12: 'reset' },
    ],
    [6, 'what has ended is not started again', { driver: executors.startsOnce }, { 12: 'kill container' }],
    [
      7,
      'a container is stopped that is announced',
      { network: executors.withdrawsNothing },
      { 12: 'scale down' },
    ],
    [
      7,
      'nobody waits for those who send requests',
      { network: executors.waitsForNobody },
      { 12: 'scale down' },
    ],
    [8, 'a watch skips changes', { apiStore: stores.skipsChanges }, { 12: 'scale up' }],
    [10, 'what is lost runs on beside new work', { driver: executors.stopsNothing }, losing],
    [11, 'nobody says why it is pending', { controllersStore: stores.neverSaysWhy }, incapable],
    [
      11,
      'nobody says why it has failed',
      { apiStore: stores.forgetsMessages },
      { 12: 'broken release', 14: 'fill' },
    ],
    [11, 'why has no verdicts', { services: withoutVerdicts }, incapable],
  ])('invariant %i: %s', async (invariant, _what, sabotage, acts) => {
    const actions = story(acts);
    const { violation, lines } = await run(1, actions, { sabotage, settleWithinMs: 100_000 });
    expect({ ...violation, lines: lines.slice(-60).join('\n') }).toMatchObject({ invariant });
  });

  test('invariant 9: a deposed leader writes, in ten seeds', async () => {
    const sabotage = { controllersStore: stores.withoutFence };
    const found: (number | undefined)[] = [];
    for (let seed = 1; seed <= 10 && !found.includes(9); seed++) {
      found.push((await run(seed, scenarioOf(seed, storyLength), { sabotage })).violation?.invariant);
    }
    expect(found).toContain(9);
  }, 120_000);

  test.each([[losing], [emptying], [incapable]])('and a sound one is not: %j', async (acts) => {
    expect((await run(1, story(acts))).violation).toBeUndefined();
  });
});
