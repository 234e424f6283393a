import { createServer } from 'node:net';
import { PreconditionError } from '../base/errors';

/** On loopback, and where instances reach their host: never on other addresses. */
export interface StagePorts {
  readonly api: number;
  readonly registry: number;
  readonly proxy: number;
  readonly dns: number;
}

/** The router's, on all addresses. */
export interface RouterPorts {
  readonly http: number;
  readonly https: number;
}

/** A stage has a block of ten ports: room for what it will serve one day, and easy to tell apart. */
const firstBlock = 4410;
const blockSize = 10;
const blocks = 100;

const usualRouterPorts: RouterPorts = { http: 8080, https: 8443 };
/** How far from the usual ones they are looked for. */
const routerPortsTried = 200;

export type IsFree = (port: number, host?: string) => Promise<boolean>;

export function portsOfBlock(base: number): StagePorts {
  return { api: base, registry: base + 1, proxy: base + 2, dns: base + 3 };
}

export function portNumbers(...ports: readonly (StagePorts | RouterPorts)[]): number[] {
  return ports.flatMap((some) => Object.values<number>({ ...some }));
}

/** The ports of a new stage: the first block of which no port is taken, now or by a stage that is not up. */
export async function pickPorts(reserved: readonly number[], isFree: IsFree): Promise<StagePorts> {
  const taken = new Set(reserved);
  for (let block = 0; block < blocks; block++) {
    const ports = portsOfBlock(firstBlock + block * blockSize);
    const numbers = portNumbers(ports);
    if (numbers.some((port) => taken.has(port))) continue;
    const free = await Promise.all(numbers.map((port) => isFree(port)));
    if (free.every(Boolean)) return ports;
  }
  throw new PreconditionError(
    `no free ports between ${firstBlock} and ${firstBlock + blocks * blockSize} on 127.0.0.1: give one with --port`,
  );
}

/** The usual ports of a router, or the next free ones; those that are wished for as they are. */
export async function pickRouterPorts(
  wishes: Partial<RouterPorts>,
  reserved: readonly number[],
  isFree: IsFree,
): Promise<RouterPorts> {
  const http = wishes.http ?? (await pickRouterPort('http', [...reserved, wishes.https ?? 0], isFree));
  const https = wishes.https ?? (await pickRouterPort('https', [...reserved, http], isFree));
  return { http, https };
}

async function pickRouterPort(
  name: keyof RouterPorts,
  reserved: readonly number[],
  isFree: IsFree,
): Promise<number> {
  const first = usualRouterPorts[name];
  for (let port = first; port < first + routerPortsTried; port++) {
    if (!reserved.includes(port) && (await isFree(port, allAddresses))) return port;
  }
  throw new PreconditionError(
    `no free port between ${first} and ${first + routerPortsTried} for the router: give one with --${name}-port`,
  );
}

export const allAddresses = '0.0.0.0';

/** Whether somebody could listen there now. */
export const isPortFree: IsFree = (port, host = '127.0.0.1') =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host, port }, () => server.close(() => resolve(true)));
  });
