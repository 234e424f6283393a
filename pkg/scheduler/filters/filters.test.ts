import { ExecutorState } from '../../gen/gilliam/v1/executor';
import type { Process } from '../../gen/gilliam/v1/release';
import type { ExecutorFixture } from '../../testing/scheduling-objects';
import { executorOf, instanceOf, processOf } from '../../testing/scheduling-objects';
import { Census } from '../census';
import type { Demand } from '../demand';
import { demandOf } from '../demand';
import { ExecutorLoad } from '../executor-load';
import { filtersFor } from './index';

const MIB = 1n << 20n;

function load(fixture: Partial<ExecutorFixture> = {}): ExecutorLoad {
  return new ExecutorLoad(executorOf({ name: 'e1', ...fixture }), 0, new Census());
}

function demand(process: Partial<Process> = {}): Demand {
  return demandOf(instanceOf(), processOf(process));
}

function taken(fixture: Partial<ExecutorFixture>, memoryBytes: bigint, cpuMillis = 0): ExecutorLoad {
  const result = load(fixture);
  result.place('shop/other', { cpuMillis, memoryBytes: Number(memoryBytes) });
  return result;
}

const resources = (cpuMillis: number, memoryBytes: bigint) => ({
  resources: { cpuMillis, memoryBytes, pids: 0 },
});
const zoneB = { tags: { zone: 'b' } };

describe('filters', () => {
  test.each<[string, ExecutorLoad, Partial<Process>, boolean, string]>([
    ['ready', load(), {}, true, 'connected'],
    ['ready', load({ state: ExecutorState.JOINING }), {}, false, 'joining'],
    [
      'ready',
      load({
        ...{ state: ExecutorState.JOINING, reason: 'EngineUnavailable' },
        message: 'the Docker Engine does not answer: connect ENOENT',
      }),
      {},
      false,
      'without engine: the Docker Engine does not answer: connect ENOENT',
    ],
    [
      'ready',
      load({ state: ExecutorState.DISCONNECTED, message: 'no session for 4 s' }),
      {},
      false,
      'disconnected: no session for 4 s',
    ],
    ['ready', load({ state: ExecutorState.LOST }), {}, false, 'lost'],
    ['ready', load({ state: ExecutorState.UNSPECIFIED }), {}, false, 'not ready'],
    ['cordoned', load(), {}, true, 'no, takes new instances'],
    ['cordoned', load({ cordoned: true }), {}, false, 'yes, gilliam executor uncordon e1 opens it again'],
    [
      'cordoned',
      load({ draining: true }),
      {},
      false,
      'draining, gilliam executor uncordon e1 opens it again',
    ],
    ['cpu', load(), resources(4_000, 0n), true, 'needs 4 CPU, 4 CPU of 4 CPU is free'],
    ['cpu', taken({}, 0n, 3_900), resources(500, 0n), false, 'needs 0.5 CPU, 0.1 CPU of 4 CPU is free'],
    ['cpu', taken({}, 0n, 5_000), {}, true, 'reserves none, 0 CPU of 4 CPU is free'],
    ['memory', load(), resources(0, 2048n * MIB), true, 'needs 2 GiB, 2 GiB of 2 GiB is free'],
    [
      'memory',
      taken({}, 1748n * MIB),
      resources(0, 512n * MIB),
      false,
      'needs 512 MiB, 300 MiB of 2 GiB is free',
    ],
    ['memory', taken({}, 4096n * MIB), {}, true, 'reserves none, 0 B of 2 GiB is free'],
    ['tags.zone == "b"', load(zoneB), { requirements: ['tags.zone == "b"'] }, true, 'tags.zone is "b"'],
    ['tags.zone == "a"', load(zoneB), { requirements: ['tags.zone == "a"'] }, false, 'tags.zone is "b"'],
    ['tags.ssd == "1"', load(zoneB), { requirements: ['tags.ssd == "1"'] }, false, 'tag ssd is not set'],
    [
      'ncont < 1 && memory_free > 0 && cpu_free > 0',
      taken({}, 1024n * MIB, 500),
      { requirements: ['ncont < 1 && memory_free > 0 && cpu_free > 0'] },
      false,
      'ncont is 1, memory_free is 1073741824 (1 GiB), cpu_free is 3500 (3.5 CPU)',
    ],
    ['size(tags) > 1', load(zoneB), { requirements: ['size(tags) > 1'] }, false, 'tags are zone="b"'],
    ['size(tags) > 1', load(), { requirements: ['size(tags) > 1'] }, false, 'no tags are set'],
    ['false', load(), { requirements: ['false'] }, false, 'is always false'],
    ['1 / nsame > 0', load(), { requirements: ['1 / nsame > 0'] }, false, 'division by zero (nsame is 0)'],
    [
      'nonsense',
      load(),
      { requirements: ['nonsense'] },
      false,
      'is not a valid expression: column 1: unknown variable nonsense: there are cpu_free, cpu_total, domain, host, memory_free and 5 more',
    ],
  ])('%s explains itself', (clause, executor, process, passes, detail) => {
    const wanted = demand(process);
    const filter = filtersFor(wanted).find((each) => each.clause === clause);
    expect(filter?.passes(executor, wanted)).toBe(passes);
    expect(filter?.explain(executor, wanted)).toBe(detail);
  });
});
