import { createServer } from 'node:net';
import { PreconditionError } from '../base/errors';
import type { StagePorts } from './config';

/** A stage has a block of ten ports: room for what it will serve one day, and easy to tell apart. */
const firstBlock = 4410;
const blockSize = 10;
const blocks = 100;

export function portsOfBlock(base: number): StagePorts {
  return { api: base };
}

/** The ports of a new stage: the first block of which no port is taken, now or by a stage that is not up. */
export async function pickPorts(
  reserved: readonly StagePorts[],
  isFree: (port: number) => Promise<boolean>,
): Promise<StagePorts> {
  const taken = new Set(reserved.flatMap((ports) => Object.values(ports) as number[]));
  for (let block = 0; block < blocks; block++) {
    const ports = portsOfBlock(firstBlock + block * blockSize);
    const numbers = Object.values(ports) as number[];
    if (numbers.some((port) => taken.has(port))) continue;
    const free = await Promise.all(numbers.map(isFree));
    if (free.every(Boolean)) return ports;
  }
  throw new PreconditionError(
    `no free ports between ${firstBlock} and ${firstBlock + blocks * blockSize} on 127.0.0.1: give one with --port`,
  );
}

/** Whether somebody could listen there now. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host: '127.0.0.1', port }, () => server.close(() => resolve(true)));
  });
}
