import fc from 'fast-check';
import type { VirtualService } from './ruleset';
import {
  allTurns,
  changedTurns,
  type MapStep,
  planTurns,
  TranslationMaps,
  type Turns,
} from './translation-plan';

const web = '198.18.16.5:80';
const api = '198.18.16.6:80';
const [one, two, three] = ['172.17.0.2:8080', '172.17.0.3:8080', '172.17.0.4:8080'] as const;

function holding(services: Readonly<Record<string, Turns>>): TranslationMaps {
  const maps = new TranslationMaps();
  for (const step of planTurns(maps, new Map(Object.entries(services)))) maps.carryOut(step);
  return maps;
}

const said = (step: MapStep) =>
  step.do === 'wait' ? 'wait' : `${step.do} ${'service' in step ? step.service : `${step.id}/${step.index}`}`;

it.each<[string, Readonly<Record<string, Turns>>, Readonly<Record<string, Turns>>, string[]]>([
  ['nothing', {}, {}, []],
  ['what is there already', { [web]: [one, two] }, { [web]: [one, two] }, []],
  ['a first service', {}, { [web]: [one, two] }, ['put-turn 1/0', 'put-turn 1/1', `put-service ${web}`]],
  [
    'an endpoint less: new turns first, old ones last, when nobody reads them any more',
    { [web]: [one, two] },
    { [web]: [one] },
    ['put-turn 2/0', `put-service ${web}`, 'wait', 'drop-turn 1/0', 'drop-turn 1/1'],
  ],
  ['the last one', { [web]: [one] }, { [web]: [] }, [`drop-service ${web}`, 'wait', 'drop-turn 1/0']],
  ['a service that is not there', {}, { [web]: [] }, []],
  [
    'another order, since turns are exact',
    { [web]: [one, two] },
    { [web]: [two, one] },
    ['put-turn 2/0', 'put-turn 2/1', `put-service ${web}`, 'wait', 'drop-turn 1/0', 'drop-turn 1/1'],
  ],
])('plans %s', (_, before, wanted, steps) => {
  const planned = planTurns(holding(before), new Map(Object.entries(wanted)));
  expect(planned.map(said)).toEqual(steps);
});

it('finds what a process that was killed has left behind', () => {
  const maps = holding({ [web]: [one] });
  maps.carryOut({ do: 'put-turn', id: 7, index: 0, target: two });
  maps.carryOut({ do: 'put-service', service: api, id: 8, count: 2 });
  expect(maps.resolve(api, 0)).toBeUndefined();
  const steps = planTurns(maps, allTurns(maps, new Map()));
  expect(steps.map(said)).toEqual([
    `drop-service ${web}`,
    `drop-service ${api}`,
    'wait',
    'drop-turn 1/0',
    'drop-turn 7/0',
  ]);
});

it('leaves to nftables what does not fit, and never what is not true any more', () => {
  const maps = holding({ [web]: [one] });
  const wanted = new Map([
    [web, [one, two, three]],
    [api, [one]],
  ]);
  for (const step of planTurns(maps, wanted, { services: 2, turns: 3 })) maps.carryOut(step);
  expect(maps.turnsOf(web)).toBeUndefined();
  expect(maps.turnsOf(api)).toEqual([one]);
  const full = holding({ [web]: [one] });
  expect(planTurns(full, new Map([[api, [one]]]), { services: 1, turns: 9 })).toEqual([]);
});

it('compares states by port: what is gone has no turns, what has shares has as many as they need', () => {
  const service = (port: number, turns?: readonly number[]): VirtualService => ({
    ...{ name: 'web.shop.service', address: '198.18.16.5', port },
    endpoints: [
      { address: '172.17.0.2', port: 8080 },
      { address: '172.17.0.3', port: 8080 },
    ],
    ...(turns && { turns }),
  });
  const same = [service(9000)];
  const before = new Map([
    ['web', [service(80), service(81)]],
    ['same', same],
  ]);
  const after = new Map([
    ['web', [service(80, [0, 1, 1])]],
    ['same', same],
  ]);
  expect(changedTurns(before, after)).toEqual(
    new Map([
      ['198.18.16.5:80', [one, two, two]],
      ['198.18.16.5:81', []],
    ]),
  );
});

const places = fc.constantFrom(one, two, three, '10.0.0.1:10000');
const state = fc.dictionary(
  fc.constantFrom(web, api, '198.18.16.7:6379'),
  fc.array(places, { maxLength: 4 }),
);

it('at every step a service has its old turns, or its new ones, or is left to nftables', () => {
  fc.assert(
    fc.property(state, state, fc.nat(9), (before, after, number) => {
      const maps = holding(before);
      const services = new Set([...Object.keys(before), ...Object.keys(after)]);
      const wanted = new Map(
        [...services].map((service): [string, Turns] => [service, after[service] ?? []]),
      );
      const expected = (turns: Turns | undefined) => turns?.[number % turns.length];
      for (const step of planTurns(maps, wanted)) {
        maps.carryOut(step);
        for (const service of services) {
          const now = maps.resolve(service, number);
          if (now !== undefined) expect([expected(before[service]), expected(after[service])]).toContain(now);
        }
      }
      for (const service of services) expect(maps.resolve(service, number)).toBe(expected(after[service]));
      // Nothing is left behind.
      expect(maps.turnCount).toBe(Object.values(after).flat().length);
    }),
  );
});

it('whoever has read the old entry of a service finds its old endpoint, or nothing, and is waited for', () => {
  fc.assert(
    fc.property(state, state, fc.nat(9), fc.nat(99), (before, after, number, when) => {
      const maps = holding(before);
      const services = Object.keys(before);
      const wanted = new Map(services.map((service): [string, Turns] => [service, after[service] ?? []]));
      const read = new Map(maps.services);
      const steps = planTurns(maps, wanted);
      for (const step of steps.slice(0, when)) maps.carryOut(step);
      for (const service of services) {
        const entry = read.get(service);
        const target = entry && maps.turns.get(entry.id)?.get(number % entry.count);
        if (target !== undefined) expect(target).toBe(before[service]?.[number % entry!.count]);
      }
      const order = steps.map((step) => step.do);
      const changed = order.findLastIndex((what) => what === 'drop-service' || what === 'put-service');
      const waited = order.indexOf('wait');
      const replaces = steps.some((step) => 'service' in step && read.has(step.service));
      expect(waited).toBe(replaces ? changed + 1 : -1);
    }),
  );
});
