import { sleep, type Clock } from '../base/clock';
import { messageOf } from '../base/errors';
import type { Logger } from '../base/log';
import type { Client } from '../client/client';
import type { Formation } from '../gen/gilliam/v1/formation';
import { RolloutPhase } from '../gen/gilliam/v1/rollout';
import type { Scale } from '../gen/gilliam/v1/scale';
import { currentRelease } from '../resource/current-release';
import { entryOf } from '../resource/entries';
import type { Release, Scale as StoredScale } from '../resource/objects';
import { decide, defaultPace, type Memory, noMemory, type Pace } from './decide';
import { type Measured, measuredOf } from './observe';

export interface AutoscalerOptions {
  readonly client: Pick<Client, 'formations' | 'releases' | 'scales' | 'rollouts' | 'metrics'>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly pace?: Partial<Pace>;
}

/** Held requests are looked for this often, all else every fifth time. */
const lookMs = 1_000;
const roundsPerFullLook = 5;
const windowMs = 30_000;
const pageSize = 500;
const unmeasured: Measured = { waiting: 0 };

/** Keeps factors as the rules of formations ask for. Knows nothing but the API, and may do no more than its user. */
export class Autoscaler {
  readonly #options: AutoscalerOptions;
  readonly #pace: Pace;
  readonly #memories = new Map<string, Memory>();
  /** What was last said of a service: the same is not said twice. */
  readonly #said = new Map<string, string>();
  #formations: readonly Formation[] = [];

  constructor(options: AutoscalerOptions) {
    this.#options = options;
    this.#pace = { ...defaultPace, ...options.pace };
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    let away = false;
    for (let round = 0; !signal.aborted; round++) {
      try {
        await this.look(round % roundsPerFullLook === 0, signal);
        if (away) log.info('the control plane answers again');
        away = false;
      } catch (error) {
        if (signal.aborted) return;
        if (!away) log.warn('the control plane does not answer', { error: messageOf(error) });
        away = true;
      }
      await sleep(clock, lookMs, signal).catch(() => {});
    }
  }

  /** Looks once: at all services that have a rule, or at those only whose requests are held. */
  async look(full: boolean, signal: AbortSignal): Promise<void> {
    const { client } = this.#options;
    const asked = { parent: 'formations/-', windowMs };
    const { services } = await client.metrics.listServiceMetrics(asked, { signal });
    const measured = measuredOf(services);
    if (full) this.#formations = await this.#withRules(signal);
    const concerned = this.#formations.filter(
      ({ metadata, spec }) =>
        full ||
        Object.keys(spec?.scaling ?? {}).some(
          (service) => (measured.get(`${service}.${metadata?.name}`) ?? unmeasured).waiting > 0,
        ),
    );
    for (const formation of concerned) await this.#formation(formation, measured, signal);
  }

  async #formation(
    { metadata, spec }: Formation,
    measured: ReadonlyMap<string, Measured>,
    signal: AbortSignal,
  ): Promise<void> {
    const { client, clock, log } = this.#options;
    const name = metadata?.name ?? '';
    const parent = `formations/${name}`;
    const [{ scales }, { releases }, { rollouts }] = await Promise.all([
      client.scales.listScales({ parent, pageSize: 5_000 }, { signal }),
      client.releases.listReleases({ parent, pageSize: 5_000 }, { signal }),
      client.rollouts.listRollouts({ parent }, { signal }),
    ]);
    const release = currentRelease(releases as Release[], scales as StoredScale[]);
    if (!release) return;
    const rollout = rollouts.some(({ status }) => isUnderWay(status?.phase));
    const scale = scales.find((one) => one.metadata?.name === release.metadata.name);
    const factors: Record<string, number> = {};
    const memories = new Map<string, Memory>();
    for (const [service, rule] of Object.entries(spec?.scaling ?? {})) {
      const process = entryOf(release.spec.processes, service);
      if (!process) continue;
      const key = `${service}.${name}`;
      const factor = entryOf(scale?.spec?.factors ?? {}, service) ?? 0;
      const { cpuMillis = 0, memoryBytes = 0n } = process.resources ?? {};
      const decision = decide(
        {
          ...{ rule, factor, rollout, ...(measured.get(key) ?? unmeasured) },
          capacity: { cpuMillis, memoryBytes: Number(memoryBytes) },
          nowMs: clock.monotonic(),
        },
        this.#memories.get(key) ?? noMemory,
        this.#pace,
      );
      if (decision.factor === factor) {
        this.#memories.set(key, decision.memory);
        this.#say(key, decision.why, rule.min > rule.max);
        continue;
      }
      factors[service] = decision.factor;
      memories.set(key, decision.memory);
      log.info('scaling', { service: key, from: factor, to: decision.factor, why: decision.why });
    }
    if (memories.size === 0) return;
    await this.#write({ formation: name, release: release.metadata.name, scale, factors }, signal);
    // Only now: what was not written is to be decided anew.
    for (const [key, memory] of memories) this.#memories.set(key, memory);
  }

  async #write(
    to: {
      readonly formation: string;
      readonly release: string;
      readonly scale: Scale | undefined;
      readonly factors: Readonly<Record<string, number>>;
    },
    signal: AbortSignal,
  ): Promise<void> {
    const { client, log } = this.#options;
    const { formation, release, scale, factors } = to;
    const metadata = { formation, name: release, revision: scale?.metadata?.revision ?? 0n };
    try {
      await client.scales.updateScale(
        {
          scale: { metadata, spec: { factors } },
          updateMask: Object.keys(factors).map((service) => `factors.${service}`),
        },
        { signal },
      );
    } catch (error) {
      // Somebody else has just changed it, or it may not be: what is then is looked at next time.
      log.warn('not scaled', { formation, release, error: messageOf(error) });
    }
  }

  async #withRules(signal: AbortSignal): Promise<Formation[]> {
    const { client } = this.#options;
    const found: Formation[] = [];
    for (let pageToken = ''; ;) {
      const page = await client.formations.listFormations({ pageSize, pageToken }, { signal });
      found.push(
        ...page.formations.filter(
          ({ metadata, spec }) => !metadata?.deleted && Object.keys(spec?.scaling ?? {}).length > 0,
        ),
      );
      pageToken = page.nextPageToken;
      if (pageToken === '') return found;
    }
  }

  #say(service: string, why: string, wrong: boolean): void {
    const { log } = this.#options;
    if (this.#said.get(service) === why) return;
    this.#said.set(service, why);
    if (wrong) log.warn('left as it is', { service, why });
    else log.debug('left as it is', { service, why });
  }
}

function isUnderWay(phase: RolloutPhase | undefined): boolean {
  return (
    phase === RolloutPhase.PROGRESSING || phase === RolloutPhase.PAUSED || phase === RolloutPhase.ABORTING
  );
}
