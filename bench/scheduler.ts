// Scheduling alone, without the store: pending instances onto executors, with a requirement and a rank.
import type { Process } from '../pkg/gen/gilliam/v1/release';
import { schedule } from '../pkg/scheduler/plan';
import type { Snapshot } from '../pkg/scheduler/types';
import { executorOf, instanceOf, processOf } from '../pkg/testing/scheduling-objects';
import { median, print } from './lib/figure';

const EXECUTORS = 5_000;
const INSTANCES = 10_000;
const AIM_PER_SECOND = 10_000;
const ROUNDS = 5;

interface Mix {
  readonly name: string;
  readonly processes: number;
  readonly order: 'grouped' | 'interleaved';
  /** Whether the aim is for this mix. */
  readonly target: boolean;
  processOf(index: number): Partial<Process>;
  /** How many of the instances find a place. Default all. */
  readonly placed?: number;
}

const REQUIREMENT = 'tags.disk == "ssd" && memory_free > 1000000000';
const RANK = '-ncont - 10 * nsame';
const alike = {
  requirements: [REQUIREMENT],
  rank: RANK,
  resources: { cpuMillis: 100, memoryBytes: 64n << 20n, pids: 0 },
};

const mixes: readonly Mix[] = [
  { name: '1 process', processes: 1, order: 'grouped', target: true, processOf: () => alike },
  {
    name: '100 processes, one after another',
    processes: 100,
    order: 'grouped',
    target: true,
    processOf: () => alike,
  },
  {
    name: '100 processes, in turns',
    processes: 100,
    order: 'interleaved',
    target: true,
    processOf: () => alike,
  },
  {
    name: '100 processes in turns, each with its own rank',
    processes: 100,
    order: 'interleaved',
    target: true,
    processOf: (index) => ({ ...alike, rank: `${RANK} + ${index} * size(tags)` }),
  },
  {
    name: '100 processes, default rank, no requirement',
    processes: 100,
    order: 'interleaved',
    target: true,
    processOf: () => ({ resources: alike.resources }),
  },
  {
    name: '10,000 processes, rank without nsame',
    processes: 10_000,
    order: 'interleaved',
    target: false,
    processOf: () => ({ ...alike, rank: '2 * memory_free - memory_total' }),
  },
  {
    name: '10,000 processes',
    processes: 10_000,
    order: 'interleaved',
    target: false,
    processOf: () => alike,
  },
  {
    name: '100 processes, for none of which there is a place',
    processes: 100,
    order: 'interleaved',
    target: false,
    processOf: (index) => ({ ...alike, requirements: ['tags.gpu == "a100"', `ncont < ${index}`] }),
    placed: 0,
  },
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
    if (placements.length !== (mix.placed ?? INSTANCES))
      throw new Error(`${placements.length} of ${INSTANCES} placed`);
    seconds.push((user + system) / 1e6);
  }
  const cpuSeconds = median(seconds);
  const figure = `${INSTANCES} instances onto ${EXECUTORS} executors: ${mix.name}`;
  const perSecond = INSTANCES / cpuSeconds;
  const target = mix.target ? `>= ${AIM_PER_SECOND}` : undefined;
  print({ bench: 'scheduler', figure, value: perSecond, unit: 'instances/CPU s', target, samples: ROUNDS });
  print({ bench: 'scheduler', figure, value: cpuSeconds, unit: 'CPU s', samples: ROUNDS });
}
