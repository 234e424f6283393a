import { createServer } from 'node:net';
import type { HttpCheck, TcpCheck } from '../gen/gilliam/v1/release';
import { checkHttp, checkTcp } from './health/network-check';

export interface CheckResult {
  readonly ok: boolean;
  /** For people: `GET /health on port 8080 answered 503`. */
  readonly detail: string;
}

export type NetworkCheck =
  { readonly $case: 'http'; readonly value: HttpCheck } | { readonly $case: 'tcp'; readonly value: TcpCheck };

/** What the agent asks of the machine beside its engine: whether a port is free, and whether something answers. */
export interface Host {
  /** Whether nothing listens there: cheap, and true for now only. */
  portFree(port: number, bindAddress: string): Promise<boolean>;
  /** Never rejects; a check that the signal aborts has failed. */
  check(check: NetworkCheck, address: string, port: number, signal: AbortSignal): Promise<CheckResult>;
}

export const systemHost: Host = {
  portFree: (port, host) =>
    new Promise((resolve) => {
      // To listen is what the engine will try, too.
      const server = createServer();
      server.once('error', () => resolve(false));
      server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
    }),
  check: (check, address, port, signal) =>
    check.$case === 'http'
      ? checkHttp(address, port, check.value.path || '/', signal)
      : checkTcp(address, port, signal),
};
