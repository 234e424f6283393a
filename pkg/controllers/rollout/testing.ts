import type { RolloutSpec } from '../../gen/gilliam/v1/rollout';
import { RolloutPhase, RolloutSpec_Intent } from '../../gen/gilliam/v1/rollout';
import { isWanted } from '../../resource/instance';
import { newRollout } from '../../resource/new-rollout';
import { instances, releases, rollouts, routes, scales } from '../../resource/objects';
import type { Instance, Rollout } from '../../resource/objects';
import { isUnderWay, ROLLOUT } from '../../resource/rollout';
import type { Write } from '../../store/store';
import type { Candidate, ControlHarness } from '../../testing/control-harness';
import { isReady } from '../formation/process-plan';

export const SHOP = 'shop';

/** What a test does to the rollout of `shop`, and sees of it. */
export class RolloutRig {
  /** What was less than it may ever be. */
  readonly shortages: string[] = [];
  readonly #ended = new AbortController();
  #floor: Readonly<Record<string, number>> = {};

  constructor(readonly stage: ControlHarness) {}

  /** Begins a rollout as the API does. */
  async begin(to: string, asked: Partial<RolloutSpec> = {}): Promise<void> {
    const { store, random, clock } = this.stage;
    const release = await store.get(releases, { formation: SHOP, name: to });
    if (!release) throw new Error(`no release ${to}`);
    const before = await this.rollout();
    const made = newRollout({
      ...{ asked, before, uid: random.uuid(), now: new Date(clock.now()) },
      to: { ...release, spec: { ...release.spec, image: 'sha256:1' } },
      scales: (await store.list(scales, { formation: SHOP })).items,
      routes: (await store.list(routes, { formation: SHOP })).items,
      instances: (await store.list(instances, { formation: SHOP })).items,
    });
    await store.commit([
      { op: before ? 'update' : 'create', kind: rollouts, object: made.rollout },
      ...made.scales.map((object): Write => ({ op: 'update', kind: scales, object })),
    ]);
  }

  async wish(intent: RolloutSpec_Intent): Promise<void> {
    const before = await this.rollout();
    if (!before) throw new Error('no rollout');
    const metadata = { ...before.metadata, generation: before.metadata.generation + 1n };
    const object: Rollout = { ...before, metadata, spec: { ...before.spec, intent } };
    await this.stage.store.commit([{ op: 'update', kind: rollouts, object }]);
  }

  rollout(): Promise<Rollout | undefined> {
    return this.stage.store.get(rollouts, { formation: SHOP, name: ROLLOUT });
  }

  /** `Succeeded`, `Aborted: CrashLoop`. */
  async phase(): Promise<string> {
    const status = (await this.rollout())?.status;
    const name = (status?.phase ?? RolloutPhase.UNSPECIFIED).replace('ROLLOUT_PHASE_', '').toLowerCase();
    return status?.reason ? `${name}: ${status.reason}` : name;
  }

  /** `v1 web=3`, `v2 web=1 (5 %)`; those without factors left out. */
  async factors(): Promise<string[]> {
    const { items } = await this.stage.store.list(scales, { formation: SHOP });
    return items.flatMap(({ metadata, spec }) => {
      const parts = Object.entries(spec.factors).sort(([a], [b]) => (a < b ? -1 : 1));
      const traffic = spec.trafficPercent === undefined ? '' : ` (${spec.trafficPercent} %)`;
      const shown = parts.map(([process, factor]) => `${process}=${factor}`).join(' ');
      return shown === '' ? [] : [`${metadata.name} ${shown}${traffic}`];
    });
  }

  /** Lets time pass until the rollout has ended or pauses, or the time is over. */
  async settle(limitMs = 120_000): Promise<string> {
    for (let passedMs = 0; passedMs < limitMs; passedMs += 100) {
      await this.stage.run(100);
      const rollout = await this.rollout();
      if (rollout && !isUnderWay(rollout)) break;
      if (rollout?.status.phase === RolloutPhase.PAUSED && rollout.spec.intent === RolloutSpec_Intent.PROCEED)
        break;
    }
    return this.phase();
  }

  /** From now on what is ready of each of these processes, of all releases, is never to be less. */
  async guard(floor: Readonly<Record<string, number>>): Promise<void> {
    this.#floor = floor;
    const { items, revision } = await this.stage.store.list(instances, { formation: SHOP });
    const known = new Map(items.map((instance) => [instance.metadata.name, instance]));
    this.#check(known);
    void this.#follow(known, revision);
  }

  close(): void {
    this.#ended.abort();
  }

  async #follow(known: Map<string, Instance>, after: bigint): Promise<void> {
    for await (const { changes } of this.stage.store.watch(
      { kinds: [instances], after },
      this.#ended.signal,
    )) {
      for (const { key, object } of changes) {
        if (object) known.set(key.name, object as Instance);
        else known.delete(key.name);
      }
      this.#check(known);
    }
  }

  #check(known: ReadonlyMap<string, Instance>): void {
    for (const [process, least] of Object.entries(this.#floor)) {
      const ready = [...known.values()].filter(
        (instance) => instance.spec.process === process && isWanted(instance) && isReady(instance),
      ).length;
      if (ready < least) this.shortages.push(`${ready} of ${least} of ${process} are ready`);
    }
  }
}

/** Kills the leader at its n-th write of a rollout, just before or just after that; whether it came to it. */
export function killAt(leader: Candidate, n: number, when: 'before' | 'after'): () => boolean {
  let count = 0;
  let killed = false;
  leader.faults.onCommit = (writes, moment) => {
    if (!writes.some(({ kind }) => kind.name === rollouts.name) || moment !== when || ++count !== n) return;
    killed = true;
    leader.kill();
    throw new Error('killed');
  };
  return () => killed;
}
