import type { Clock } from '../base/clock';
import type { Logger } from '../base/log';
import type { Random } from '../base/random';
import type { Driver, Owner } from './driver';
import type { Host } from './host';
import type { ImagePuller } from './image-puller';
import type { Limiter } from './limiter';
import type { LogArchive } from './logs/archive';
import type { Networking } from './network/networking';
import type { PortAllocator } from './port-allocator';
import type { Reporter } from './reporter';

/** What is the executor's, and given to all its workers. */
export interface SharedContext {
  readonly driver: Driver;
  readonly host: Host;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly owner: Owner;
  readonly ports: PortAllocator;
  readonly puller: ImagePuller;
  /** Bound how many containers are made and started at once. */
  readonly creates: Limiter;
  readonly starts: Limiter;
  readonly reporter: Reporter;
  /** The address that is reported for published ports. */
  readonly address: string;
  /** Where published ports listen. */
  readonly bindAddress: string;
  /** Where what containers have printed goes when they do; absent where it is not kept. */
  readonly archive?: LogArchive;
  /** The service network; absent where the executor has none. */
  readonly network?: Pick<Networking, 'environment' | 'announcer' | 'instancesTold'>;
}

/** What one worker has to do with beyond its instance. */
export interface WorkerContext extends SharedContext {
  /** Whether new containers may be made. */
  mayCreate(): boolean;
  /** Whether all containers have been listed: an instance that has no worker then has no container. */
  listed(): boolean;
  /** Called after each step of an instance's worker: something may be different. */
  onStep(uid: string): void;
}
