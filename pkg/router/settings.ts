/** Where the router listens. */
export interface Ports {
  /** Absent: on all addresses. */
  readonly bind?: string;
  readonly http: number;
  /** Absent: no TLS. */
  readonly https?: number;
}

/** What HAProxy is run with. */
export interface Settings {
  readonly ports: Ports;
  /** Where the runtime API listens; an absolute path. */
  readonly socket: string;
  /** The router's own socket, in the abstract name space: see Holder. Absent: it answers nothing itself. */
  readonly hold?: string;
  /** How many connections of clients there can be at once. */
  readonly maxConnections: number;
  readonly times: Times;
  /** Where workers are without rights; absent where there are none to give up. */
  readonly user?: string;
  readonly group?: string;
}

export interface Times {
  /** For all headers of a request, from its first byte. */
  readonly requestMs: number;
  /** Of silence of a client that sends or reads. */
  readonly clientMs: number;
  /** Between requests of one connection. */
  readonly keepAliveMs: number;
  readonly connectMs: number;
  /** After a reload: how long connections of before it may go on. */
  readonly hardStopMs: number;
}

export const defaultTimes: Times = {
  requestMs: 10_000,
  clientMs: 60_000,
  keepAliveMs: 60_000,
  connectMs: 2_000,
  hardStopMs: 15 * 60_000,
};

/**
 * How many connections the limit of open files allows: each takes two, one on either side, and a reload has two
 * processes for a while, each with a limit of its own.
 */
export function maxConnectionsOf(openFiles: number): number {
  return Math.max(100, Math.min(50_000, Math.floor(openFiles * 0.4)));
}
