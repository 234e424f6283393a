import { entryOf } from '../../resource/entries';
import { scales } from '../../resource/objects';
import type { Scale } from '../../resource/objects';
import type { ProcessFleet, RolloutView } from './fleet';
import type { ProcessStep } from './process-step';

interface Change {
  readonly factors: Map<string, number>;
  trafficPercent: number | undefined;
}

/** Scales as a step will leave them. Gathers what is set, and changes nothing else. */
export class FactorChanges {
  readonly #view: Pick<RolloutView, 'rollout' | 'scales'>;
  readonly #changed = new Map<string, Change>();

  constructor(view: Pick<RolloutView, 'rollout' | 'scales'>) {
    this.#view = view;
  }

  /** Whether any factor of the process is another one now. */
  setProcess({ process, old, next }: ProcessFleet, step: ProcessStep): boolean {
    const changes = old.map(({ release }, index) => this.#set(release, process, step.old[index] ?? 0));
    return [...changes, this.#set(next.release, process, step.next)].includes(true);
  }

  setTraffic(release: string, percent: number | undefined): void {
    const before = this.#changed.has(release)
      ? this.#changed.get(release)?.trafficPercent
      : this.#scale(release)?.spec.trafficPercent;
    if (before !== percent) this.#of(release).trafficPercent = percent;
  }

  factor(release: string, process: string): number {
    const changed = this.#changed.get(release)?.factors;
    return changed
      ? (changed.get(process) ?? 0)
      : (entryOf(this.#scale(release)?.spec.factors ?? {}, process) ?? 0);
  }

  get none(): boolean {
    return this.#changed.size === 0;
  }

  /** Those that differ. One that there is not yet has no revision and no uid. */
  scales(): readonly Scale[] {
    return [...this.#changed].map(([release, { factors, trafficPercent }]) => {
      const before = this.#scale(release) ?? this.#empty(release);
      const { metadata, spec } = before;
      const { trafficPercent: _, ...rest } = spec;
      const kept = [...factors].filter(([, factor]) => factor > 0);
      return {
        ...before,
        metadata: { ...metadata, generation: metadata.generation + 1n },
        spec: {
          ...rest,
          factors: Object.fromEntries(kept),
          ...(trafficPercent !== undefined && { trafficPercent }),
        },
      };
    });
  }

  #set(release: string, process: string, factor: number): boolean {
    if (this.factor(release, process) === factor) return false;
    this.#of(release).factors.set(process, factor);
    return true;
  }

  #of(release: string): Change {
    const known = this.#changed.get(release);
    if (known) return known;
    const spec = this.#scale(release)?.spec;
    const change: Change = {
      factors: new Map(Object.entries(spec?.factors ?? {})),
      trafficPercent: spec?.trafficPercent,
    };
    this.#changed.set(release, change);
    return change;
  }

  #scale(release: string): Scale | undefined {
    return this.#view.scales.find(({ metadata }) => metadata.name === release);
  }

  #empty(release: string): Scale {
    const { metadata, ...rest } = scales.decode(new Uint8Array());
    const { formation } = this.#view.rollout.metadata;
    return { ...rest, metadata: { ...metadata, name: release, formation } };
  }
}
