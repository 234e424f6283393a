import type { ServiceNetwork } from '../../agent/network/service-network';
import { formatKey } from '../../registry/entry-key';
import type { SimProcess } from './sim-process';

/** The machine's network daemon as one agent process has it. */
export function daemonPort(
  daemon: ServiceNetwork,
  process: SimProcess,
  onWithdraw: (name: string) => void,
): ServiceNetwork {
  const answer = <T>(work: Promise<T>): Promise<T> => process.learn(work, 0.2 + process.random.next());
  return {
    environment: (signal) => answer(daemon.environment(signal)),
    announce: (key, body, signal) => answer(daemon.announce(key, body, signal)),
    withdraw: (key, waitMs, signal) => {
      onWithdraw(formatKey(key));
      return answer(daemon.withdraw(key, waitMs, signal));
    },
    setInstances: (table, signal) => answer(daemon.setInstances(table, signal)),
    setPeers: (peers, signal) => answer(daemon.setPeers(peers, signal)),
    traffic: (signal) => answer(daemon.traffic(signal)),
  };
}
