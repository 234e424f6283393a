import type { Process } from '../pkg/gen/gilliam/v1/release';
import { schedule } from '../pkg/scheduler/plan';
import type { Snapshot } from '../pkg/scheduler/types';
import { executorOf, instanceOf, processOf } from '../pkg/testing/scheduling-objects';

/**
 * Scheduling alone, without the store: pending instances onto executors, with a requirement and a rank. Prints one JSON
 * line a figure; `ratio` is against the aim of 10,000 placements a second of processor time.
 */
const EXECUTORS = 5_000;
const INSTANCES = 10_000;
const AIM_PER_SECOND = 10_000;
const ROUNDS = 5;

interface Mix {
  readonly name: string;
  readonly processes: number;
  readonly order: 'grouped' | 'interleaved';
  processOf(index: number): Partial<Process>;
}

const REQUIREMENT = 'tags.disk == "ssd" && memory_free > 1000000000';
const RANK = '-ncont - 10 * nsame';
const alike = {
  requirements: [REQUIREMENT],
  rank: RANK,
  resources: { cpuMillis: 100, memoryBytes: 64n << 20n, pids: 0 },
};

const mixes: readonly Mix[] = [
  { name: '1 process', processes: 1, order: 'grouped', processOf: () => alike },
  { name: '100 processes, one after another', processes: 100, order: 'grouped', processOf: () => alike },
  { name: '100 processes, in turns', processes: 100, order: 'interleaved', processOf: () => alike },
  {
    name: '100 processes in turns, each with its own rank',
    processes: 100,
    order: 'interleaved',
    processOf: (index) => ({ ...alike, rank: `${RANK} + ${index} * size(tags)` }),
  },
  {
    name: '100 processes, default rank, no requirement',
    processes: 100,
    order: 'interleaved',
    processOf: () => ({ resources: alike.resources }),
  },
  {
    name: '10,000 processes, rank without nsame',
    processes: 10_000,
    order: 'interleaved',
    processOf: () => ({ ...alike, rank: '-ncont' + ' + 0' }),
  },
  { name: '10,000 processes', processes: 10_000, order: 'interleaved', processOf: () => alike },
];

function snapshotOf(mix: Mix): Snapshot {
  const executors = Array.from({ length: EXECUTORS }, (_, index) =>
    executorOf({
      name: `e${index}`,
      // One in five is not what is asked for.
      tags: index % 5 === 0 ? { disk: 'hdd' } : { disk: 'ssd', rack: `r${index % 40}` },
      cpuMillis: 8_000,
      memoryBytes: 32n << 30n,
    }),
  );
  const each = INSTANCES / mix.processes;
  const instances = Array.from({ length: INSTANCES }, (_, index) => {
    const process = mix.order === 'grouped' ? Math.floor(index / each) : index % mix.processes;
    const ordinal = mix.order === 'grouped' ? (index % each) + 1 : Math.floor(index / mix.processes) + 1;
    return instanceOf({ process: `p${process}`, ordinal, createdMs: index });
  });
  const processes = new Map(
    Array.from({ length: mix.processes }, (_, index) => [`p${index}`, processOf(mix.processOf(index))]),
  );
  return { executors, instances, processOf: (instance) => processes.get(instance.spec.process) };
}

for (const mix of mixes) {
  const seconds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const snapshot = snapshotOf(mix);
    const before = process.cpuUsage();
    const { placements } = schedule(snapshot);
    const { user, system } = process.cpuUsage(before);
    if (placements.length !== INSTANCES) throw new Error(`${placements.length} of ${INSTANCES} placed`);
    seconds.push((user + system) / 1e6);
  }
  const cpuSeconds = seconds.sort((left, right) => left - right)[Math.floor(ROUNDS / 2)] as number;
  const perSecond = Math.round(INSTANCES / cpuSeconds);
  console.log(
    JSON.stringify({
      figure: 'scheduler.placements_per_cpu_second',
      case: mix.name,
      executors: EXECUTORS,
      instances: INSTANCES,
      value: perSecond,
      cpu_seconds: Number(cpuSeconds.toFixed(3)),
      aim: AIM_PER_SECOND,
      ratio: Number((perSecond / AIM_PER_SECOND).toFixed(2)),
    }),
  );
}
