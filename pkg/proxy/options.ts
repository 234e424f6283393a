/** What may be set of a proxy. Times in milliseconds. */
export interface ProxyOptions {
  /**
   * Where instances may go outside the stage: `*`, `api.example.com`, `*.example.com`, `10.0.0.0/8`, `::1`, each with
   * `:port` after it or not (`[::1]:443`). The machine's own loopback is never reached, whatever stands here.
   */
  readonly allow: readonly string[];

  /** From the first byte of a request's head to its last. */
  readonly headMs: number;
  /** Between two pieces of a request's body. */
  readonly requestBodyMs: number;
  /** To find a host's addresses. */
  readonly resolveMs: number;
  /** To connect to one address. */
  readonly connectMs: number;
  /** From the end of a request to the head of its response. */
  readonly responseMs: number;
  /** Between two pieces of a response's body. */
  readonly responseBodyMs: number;
  /** Between two requests of a caller's connection. */
  readonly callerIdleMs: number;
  /** How long an unused connection to an endpoint is kept; less where the endpoint says so. */
  readonly endpointIdleMs: number;
  /** Without a byte in either direction of a tunnel. */
  readonly tunnelIdleMs: number;
  /** How long a request waits where all that could take it have as many connections as they may; 0 for not at all. */
  readonly queueMs: number;
  /** How long a request to a service that is scaled to none, and wakes, is held until it has an instance. */
  readonly holdMs: number;
  /** How long a withdrawal waits for tunnels to what is withdrawn. */
  readonly tunnelDrainMs: number;

  /** Of all callers. */
  readonly connections: number;
  readonly connectionsPerCaller: number;
  readonly connectionsPerEndpoint: number;
  /** Requests that wait for a connection. */
  readonly queued: number;
  /** Requests that are held for services that wake. */
  readonly held: number;
  /** Endpoints that are tried for one request at most. */
  readonly tries: number;
  /** Of a request's head or a response's, start line included. */
  readonly headBytes: number;

  /** Failures in a row after which an endpoint is left out for a while; a refused connection is enough by itself. */
  readonly ejectAfterFailures: number;
  readonly ejectStartMs: number;
  readonly ejectCapMs: number;
}

export const defaultProxyOptions: ProxyOptions = {
  allow: ['*'],
  headMs: 10_000,
  requestBodyMs: 60_000,
  resolveMs: 5_000,
  connectMs: 3_000,
  responseMs: 60_000,
  responseBodyMs: 300_000,
  callerIdleMs: 75_000,
  // Below the 5 s after which Node's and Uvicorn's servers hang up.
  endpointIdleMs: 4_000,
  tunnelIdleMs: 3_600_000,
  queueMs: 2_000,
  holdMs: 60_000,
  tunnelDrainMs: 5_000,
  connections: 8_000,
  connectionsPerCaller: 1_000,
  connectionsPerEndpoint: 1_000,
  queued: 1_000,
  held: 1_000,
  tries: 3,
  headBytes: 32 * 1024,
  ejectAfterFailures: 5,
  ejectStartMs: 1_000,
  ejectCapMs: 30_000,
};
