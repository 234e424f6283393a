import type { RegistryClient } from '../../registry/client';
import type { ServiceNetwork } from './service-network';

/** The network daemon of this machine, by the HTTP interface of its node of the registry. */
export function registryNetwork(client: RegistryClient): ServiceNetwork {
  return {
    environment: (signal) => client.environment(signal),
    announce: async (key, body, signal) => void (await client.announce(key, body, signal)),
    withdraw: (key, waitMs, signal) => client.withdraw(key, { waitMs }, signal),
    setInstances: (table, signal) => client.setInstances(table, signal),
    setPeers: (peers, signal) => client.setPeers(peers, signal),
    traffic: (signal) => client.traffic(signal),
  };
}
