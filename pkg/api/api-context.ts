import type { Clock } from '../base/clock';
import type { Logger } from '../base/log';
import type { Random } from '../base/random';
import type { Builder, ImageArchive } from '../builder/types';
import type { StageImages } from '../images/stage-images';
import type { Caches } from '../reconcile/caches';
import type { Store } from '../store/store';
import type { EventRecorder } from './event-recorder';
import type { Limits } from './limits';

/** What the handlers of all services share. */
export interface ApiContext {
  readonly store: Store;
  /** Formations, releases, scales, instances, executors, sessions and routes. */
  readonly caches: Caches;
  readonly builder?: Builder;
  readonly images?: ImageArchive;
  readonly stageImages?: StageImages;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly events: EventRecorder;
  readonly limits: Limits;
  /** The stage's name. */
  readonly stage: string;
  readonly version: string;
  /** Which control plane this is, for people. */
  readonly identity: string;
}
