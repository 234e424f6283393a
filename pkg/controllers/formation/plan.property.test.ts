import fc from 'fast-check';
import { SeededRandom } from '../../base/random';
import type { Random } from '../../base/random';
import { InstanceSpec_Desired, InstanceState, OneOff } from '../../gen/gilliam/v1/instance';
import { isFinished, isWanted, shortName } from '../../resource/instance';
import type { Instance, Scale } from '../../resource/objects';
import { formation, frozen, releaseWith, scale } from '../fixtures';
import { finished, newInstance, stopped } from './instance-changes';
import { planFormation } from './plan';
import type { FormationPlan, FormationView } from './plan';
import { isReady } from './process-plan';

const { PENDING, ASSIGNED, PULLING, STARTING, RUNNING, STOPPING, STOPPED, FAILED, LOST } = InstanceState;
const releaseNames = ['v1', 'v2', 'v3'];
/** Of the last two v1 and v2 say the same, v3 something else; `_db` has a volume. */
const processes = ['web', 'worker', '_cache', '_db'];
const volumes = [{ name: 'data', path: '/data' }];
const definitions = (image: string) => ({
  ...{ web: {}, worker: {} },
  ...{ _cache: { image }, _db: { image, volumes } },
});
const releases = [
  releaseWith('v1', definitions('sha256:1')),
  releaseWith('v2', definitions('sha256:1')),
  releaseWith('v3', definitions('sha256:2')),
];
/** The releases that share the instances of a process. */
const cohortsOf = (process: string) =>
  process.startsWith('_') ? [['v1', 'v2'], ['v3']] : releaseNames.map((name) => [name]);
const executorNames = ['e1', 'e2', 'e3'];
const lives = [PENDING, ASSIGNED, PULLING, STARTING, RUNNING];

/** One formation, and executors on which anything may happen. */
class World {
  readonly instances = new Map<string, Instance>();
  readonly draining = new Set<string>();
  readonly #random: Random;
  readonly #failedAtMs = new Map<string, number>();
  scales: Scale[] = [];
  nowMs = 0;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
  }

  view(): FormationView {
    return {
      formation: frozen(formation()),
      scales: frozen(this.scales),
      releases: frozen(releases),
      instances: frozen([...this.instances.values()]),
      draining: new Set(this.draining),
      failedForMs: (instance) => this.nowMs - (this.#failedAtMs.get(instance.metadata.uid) ?? this.nowMs),
      now: new Date(this.nowMs),
    };
  }

  setFactor(releaseName: string, process: string, factor: number): void {
    const rest = this.scales.filter((other) => other.metadata.name !== releaseName);
    const before = this.scales.find((other) => other.metadata.name === releaseName)?.spec.factors;
    this.scales = [...rest, scale(releaseName, { ...before, [process]: factor })];
  }

  /** Carries a plan out, and checks what must hold of every plan. */
  apply(plan: FormationPlan): void {
    for (const instance of plan.stops) this.put(stopped(instance));
    for (const instance of plan.finishes) this.put(finished(instance, new Date(this.nowMs)));
    for (const creation of plan.creates) {
      const instance = newInstance('shop', this.#random.uuid(), creation, new Date(this.nowMs));
      const { name } = instance.metadata;
      if (this.instances.has(name)) throw new Error(`${name} is created although there is one`);
      this.put(instance);
    }
    for (const status of plan.scales)
      this.scales = this.scales.map((each) => (each.metadata.name === status.metadata.name ? status : each));
    this.#checkOrdinals();
    this.#checkCounts();
  }

  /** Something happens to one instance, as executors, the scheduler and the garbage controller may do it. */
  shake(): void {
    const all = [...this.instances.values()];
    const instance = all[Math.floor(this.#random.next() * all.length)];
    if (!instance || isFinished(instance.status.state)) return;
    const chance = this.#random.next();
    if (instance.spec.executor === '') {
      if (instance.spec.desired === InstanceSpec_Desired.RUNNING) this.#assign(instance);
    } else if (chance < 0.1) this.#become(instance, LOST);
    else if (chance < 0.2 && instance.status.state !== RUNNING) this.#become(instance, FAILED);
    else if (chance < 0.3) this.put({ ...instance, status: { ...instance.status, ready: false } });
    else if (chance < 0.4) this.put({ ...instance, spec: { ...instance.spec, replace: true } });
    else if (chance < 0.43) this.#runOnce(instance);
    else this.#progress(instance);
  }

  /** Somebody runs a command in the environment of the instance's process. */
  #runOnce({ spec: { process, release } }: Instance): void {
    const held = [...this.instances.values()].filter((other) => other.spec.process === process);
    // As whoever makes one does: with an ordinal that was never held, out of the way of those with volumes.
    const ordinal = Math.max(10, ...held.map((other) => other.spec.ordinal)) + 1;
    const creation = { release, process, ordinal, incarnation: 1, failedBefore: 0 };
    const instance = newInstance('shop', this.#random.uuid(), creation, new Date(this.nowMs));
    this.put({ ...instance, spec: { ...instance.spec, oneOff: OneOff.fromPartial({}) } });
  }

  /** All that is going well comes to its end. */
  settle(): void {
    for (let round = 0; round < lives.length; round++) {
      for (const instance of this.instances.values()) {
        if (isFinished(instance.status.state)) continue;
        if (instance.spec.executor !== '') this.#progress(instance);
        else if (instance.spec.desired === InstanceSpec_Desired.RUNNING) this.#assign(instance);
      }
    }
  }

  fail(instance: Instance): void {
    this.#become(instance, FAILED);
  }

  put(instance: Instance): void {
    this.instances.set(instance.metadata.name, instance);
  }

  living(): Instance[] {
    return [...this.instances.values()].filter((instance) => !isFinished(instance.status.state));
  }

  /** Those that factors are about: of a process, of some releases. */
  serving(process: string, ...of: string[]): Instance[] {
    return this.living().filter(
      ({ spec }) => spec.process === process && of.includes(spec.release) && !spec.oneOff,
    );
  }

  /** The highest of the releases. */
  factor(process: string, ...of: string[]): number {
    const found = this.scales.filter((each) => of.includes(each.metadata.name));
    return Math.max(0, ...found.map((each) => each.spec.factors[process] ?? 0));
  }

  #assign(instance: Instance): void {
    const open = executorNames.filter((name) => !this.draining.has(name));
    const executor = open[Math.floor(this.#random.next() * open.length)];
    if (!executor) return;
    this.#become({ ...instance, spec: { ...instance.spec, executor } }, ASSIGNED);
  }

  #progress(instance: Instance): void {
    const { state } = instance.status;
    if (instance.spec.desired === InstanceSpec_Desired.STOPPED) {
      return this.#become(instance, state === STOPPING ? STOPPED : STOPPING);
    }
    this.#become(instance, lives[lives.indexOf(state) + 1] ?? RUNNING);
  }

  #become(instance: Instance, state: InstanceState): void {
    if (state === FAILED) this.#failedAtMs.set(instance.metadata.uid, this.nowMs);
    this.put({ ...instance, status: { ...instance.status, state, ready: state === RUNNING } });
  }

  #checkOrdinals(): void {
    const held = new Set<string>();
    for (const instance of this.living()) {
      const name = shortName(instance);
      if (held.has(name)) throw new Error(`two living instances are ${name}`);
      held.add(name);
    }
  }

  #checkCounts(): void {
    for (const process of processes)
      for (const cohort of cohortsOf(process)) {
        const wanted = this.serving(process, ...cohort).filter(isWanted);
        const drained = wanted.filter((instance) => this.draining.has(instance.spec.executor)).length;
        const replaced = wanted.some(({ spec }) => spec.replace && !this.draining.has(spec.executor)) ? 1 : 0;
        const leaving = drained + replaced;
        const factor = this.factor(process, ...cohort);
        // Of an auxiliary service without volumes, the old ones serve until those that come can.
        const relieved =
          process === '_cache' && factor === 0 ? this.factor(process, ...releaseNames) : factor;
        if (wanted.length - leaving > relieved)
          throw new Error(
            `${cohort.join('/')} ${process}=${factor} has ${wanted.length} wanted instances, of which ${leaving} leave`,
          );
      }
  }
}

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('shake' as const), times: fc.nat(10) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('plan' as const), afterMs: fc.nat(5_000) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('scale' as const),
      release: fc.constantFrom(...releaseNames),
      process: fc.constantFrom(...processes),
      factor: fc.nat(5),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('drain' as const), executor: fc.constantFrom('e1', 'e2') }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** A world in which all that has happened, each plan checked on the way. */
function play(seed: number, steps: readonly Step[]): World {
  const world = new World(seed);
  for (const each of steps) {
    if (each.do === 'shake') for (let turn = 0; turn < each.times; turn++) world.shake();
    if (each.do === 'scale') world.setFactor(each.release, each.process, each.factor);
    if (each.do === 'drain' && !world.draining.delete(each.executor)) world.draining.add(each.executor);
    if (each.do === 'plan') {
      world.nowMs += each.afterMs;
      world.apply(planFormation(world.view()));
    }
  }
  return world;
}

/** Left alone: nothing fails any more, and time passes. */
function leaveAlone(world: World): void {
  for (let round = 0; round < 20; round++) {
    world.nowMs += 300_000;
    world.apply(planFormation(world.view()));
    world.settle();
  }
}

const worlds = fc.tuple(fc.integer(), fc.array(step, { maxLength: 40 }));

describe('planFormation, whatever happens', () => {
  it('never has more wanted instances than the factor, but for those that leave; ordinals and names are unique', () => {
    fc.assert(fc.property(worlds, ([seed, steps]) => void play(seed, steps)));
  });

  it('invariant 3: left alone, running instances equal the factor, none of them on a draining executor', () => {
    fc.assert(
      fc.property(worlds, ([seed, steps]) => {
        const world = play(seed, steps);
        leaveAlone(world);
        for (const process of processes.filter((name) => name !== '_db'))
          for (const cohort of cohortsOf(process)) {
            const living = world.serving(process, ...cohort);
            const factor = world.factor(process, ...cohort);
            const ready = living.filter(isReady).length;
            if (ready !== factor || living.length !== factor)
              throw new Error(
                `${cohort.join('/')} ${process}=${factor} came to ${living.length} living, ${ready} ready ones`,
              );
          }
        for (const { spec } of world.living().filter((instance) => !instance.spec.oneOff))
          if (world.draining.has(spec.executor))
            throw new Error(`${spec.process}.${spec.ordinal} stays on an executor that is drained`);
      }),
    );
  });

  it('invariant 3: left alone, each ordinal with a volume is held, by a release that asks for as many', () => {
    fc.assert(
      fc.property(worlds, ([seed, steps]) => {
        const world = play(seed, steps);
        leaveAlone(world);
        const held = world.serving('_db', ...releaseNames);
        const factor = world.factor('_db', ...releaseNames);
        expect(held.map(({ spec }) => spec.ordinal).sort()).toEqual(
          Array.from({ length: factor }, (_, index) => index + 1),
        );
        for (const instance of held) {
          const cohort = cohortsOf('_db').find((names) => names.includes(instance.spec.release)) ?? [];
          if (!isReady(instance) || world.factor('_db', ...cohort) < instance.spec.ordinal)
            throw new Error(`${shortName(instance)} of ${instance.spec.release} should not be there`);
        }
      }),
    );
  });

  it('lets one-offs be', () => {
    fc.assert(
      fc.property(worlds, ([seed, steps]) => {
        const world = play(seed, steps);
        const oneOffs = () => world.living().filter((instance) => instance.spec.oneOff);
        const before = oneOffs().length;
        leaveAlone(world);
        expect(oneOffs()).toHaveLength(before);
      }),
    );
  });

  it('has nothing to do once everything is as it is wished', () => {
    fc.assert(
      fc.property(worlds, ([seed, steps]) => {
        const world = play(seed, steps);
        leaveAlone(world);
        const { creates, stops, finishes, scales, waiting } = planFormation(world.view());
        const left = [...creates, ...stops, ...finishes, ...scales, ...waiting].length;
        if (left > 0) throw new Error(`the plan of what is as it is wished has ${left} steps`);
      }),
    );
  });

  it('plans the same whatever the order in which the objects are listed', () => {
    fc.assert(
      fc.property(worlds, ([seed, steps]) => {
        const view = play(seed, steps).view();
        const turned = { ...view, scales: view.scales.toReversed(), instances: view.instances.toReversed() };
        const facts = ({ creates, stops }: FormationPlan) => ({
          creates,
          stops: stops.map((instance) => instance.metadata.name),
        });
        expect(facts(planFormation(turned))).toEqual(facts(planFormation(view)));
      }),
      { numRuns: 50 },
    );
  });

  it('tries a failing process again and again, each time after a longer while', () => {
    const world = new World(1);
    world.setFactor('v1', 'web', 1);
    const triedMs: number[] = [];
    for (world.nowMs = 0; world.nowMs < 1_200_000; world.nowMs += 1_000) {
      const plan = planFormation(world.view());
      world.apply(plan);
      if (plan.creates.length > 0) triedMs.push(world.nowMs);
      for (const instance of world.living()) world.fail(instance);
    }
    const gaps = triedMs.slice(1).map((ms, index) => (ms - (triedMs[index] ?? 0)) / 1_000);
    expect(gaps).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
  });
});
