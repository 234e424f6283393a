import { shortName } from '../../resource/instance';
import type { Instance, Release, Scale } from '../../resource/objects';
import { formation, frozen, release } from '../fixtures';
import { planFormation } from './plan';
import type { FormationView } from './plan';

/** What a plan is made of, said as shortly as a case of a table can. */
export interface World {
  readonly scales: readonly Scale[];
  readonly instances?: readonly Instance[];
  readonly draining?: readonly string[];
  readonly failedForMs?: number;
  readonly deleted?: boolean;
  readonly now?: Date;
  readonly releases?: readonly Release[];
}

export function viewOf(world: World): FormationView {
  const { scales, instances = [], draining = [], failedForMs = 0, deleted, now = new Date(0) } = world;
  return {
    formation: formation('shop', deleted ? new Date(0) : undefined),
    scales: frozen(scales),
    releases: frozen(
      world.releases ?? [
        release('v1', 'web', 'worker'),
        release('v2', 'web', 'worker'),
        release('v10', 'web'),
      ],
    ),
    instances: frozen(instances),
    draining: new Set(draining),
    failedForMs: () => failedForMs,
    now,
  };
}

/** What the plan does, in words: `+web.1#2 v1` creates, `-web.1` stops, `=web.1` finishes. */
export function plan(world: World): string[] {
  const { creates, stops, finishes, waiting } = planFormation(viewOf(world));
  return [
    ...creates.map(
      (c) => `+${c.process}.${c.ordinal}${c.incarnation > 1 ? `#${c.incarnation}` : ''} ${c.release}`,
    ),
    ...stops.map((stop) => `-${shortName(stop)}`),
    ...finishes.map((finish) => `=${shortName(finish)}`),
    ...waiting.map(({ failed, delayMs }) => `${shortName(failed)} waits ${delayMs} ms`),
  ];
}
