import type { AgentConfig } from '../agent/config';
import { AgentRig } from './agent-rig';
import type { FakeDriverOptions } from './fake-driver';
import type { FakeNetwork } from './fake-network';

/** An executor with a service network. */
export class NetworkedRig extends AgentRig {
  declare readonly network: FakeNetwork;

  constructor(options: Partial<FakeDriverOptions> = {}, config: Partial<AgentConfig> = {}) {
    super(options, config, { network: true });
  }

  static override open(
    options: Partial<FakeDriverOptions> = {},
    config: Partial<AgentConfig> = {},
  ): Promise<NetworkedRig> {
    return new NetworkedRig(options, config).begin();
  }

  /** Of an instance's container. */
  addressOf(uid: string): string {
    return this.container(uid)?.address as string;
  }

  /** How often the engine was told to stop something, and what. */
  get stops(): readonly string[] {
    return this.driver.calls.filter((call) => call.startsWith('stop'));
  }
}

/** A process that is looked at every second. */
export const checked = {
  health: {
    check: { $case: 'tcp' as const, value: { port: 0 } },
    intervalMs: 1000,
    failureThreshold: 3,
  },
};
