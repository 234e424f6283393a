import type { Verdict } from '../gen/gilliam/v1/instance_service';
import { nearestMiss } from './nearest-miss';

/** An executor, and what speaks against it: `memory`, or `memory=needs 2 GiB`. */
function verdict(executor: string, ...against: string[]): Verdict {
  const clauses = against.map((text) => {
    const [clause = '', detail = ''] = text.split(/=(?!=)/);
    return { clause, detail, passed: false };
  });
  const ready = { clause: 'ready', passed: true, detail: '' };
  const passed = against.some((text) => text.startsWith('ready')) ? [] : [ready];
  return {
    executor,
    accepted: against.length === 0,
    clauses: [...passed, ...clauses],
    rank: 0,
    chosen: false,
  };
}

test.each<[string, Verdict[], string | undefined, string | undefined]>([
  ['no executor', [], undefined, undefined],
  ['one takes it', [verdict('a'), verdict('b', 'cordoned')], undefined, undefined],
  ['cordoned', [verdict('a', 'cordoned')], 'a, but for cordoned', 'gilliam executor uncordon a'],
  [
    'the fewest clauses',
    [verdict('a', 'cordoned', 'memory'), verdict('b', 'memory=needs 2 GiB')],
    'b, but for memory (needs 2 GiB)',
    'ask for less memory in resources, scale something on b down, or add an executor',
  ],
  [
    'of as many, what is changed most easily',
    [verdict('a', 'ready=lost'), verdict('b', 'cpu'), verdict('c', 'cordoned')],
    'c, but for cordoned',
    'gilliam executor uncordon c',
  ],
  [
    'one that is away',
    [verdict('a', 'ready=disconnected: no session for 4 s')],
    'a, but for ready (disconnected: no session for 4 s)',
    'start the executor on a again: gilliam executors',
  ],
  [
    'one that joins',
    [verdict('a', 'ready=joining')],
    'a, but for ready (joining)',
    'wait until a has joined',
  ],
  [
    'a requirement',
    [verdict('a', 'ncont < 1')],
    'a, but for ncont < 1',
    'start an executor that fulfils ncont < 1, or change the requirement',
  ],
  [
    'another one was asked for',
    [verdict('a', 'executor')],
    'a, but for executor',
    'leave --executor out, or name one of gilliam executors',
  ],
])('%s', (_, verdicts, text, fix) => {
  const miss = nearestMiss(verdicts);
  expect(miss?.text).toBe(text);
  expect(miss?.fix).toBe(fix);
});
