import type { Driver } from '../../agent/driver';
import type { ServiceNetwork } from '../../agent/network/service-network';
import type { ConnectResponse } from '../../gen/gilliam/v1/session_service';
import type { Store } from '../../store/store';
import type { Services } from './control-plane';

/**
 * What a test breaks in the product on purpose, to see that a check notices. Each stands between a part and what it
 * relies on, and gives what the part is to have instead.
 */
export interface Sabotage {
  /** What the API's handlers, sessions and caches have as their store. */
  readonly apiStore?: (store: Store) => Store;
  readonly controllersStore?: (store: Store) => Store;
  /** What users call. */
  readonly services?: (services: Services) => Services;
  readonly driver?: (driver: Driver, machine: string) => Driver;
  readonly network?: (network: ServiceNetwork) => ServiceNetwork;
  /** What an agent hears in one session. */
  readonly responses?: (
    responses: AsyncIterable<ConnectResponse>,
    machine: string,
  ) => AsyncIterable<ConnectResponse>;
}
