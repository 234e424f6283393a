import { readFile } from 'node:fs/promises';
import type { Container } from '../driver';

export type ReadLink = (pid: number) => Promise<number>;

/**
 * Finds the interfaces of the machine that lead to containers. The engine does not tell; the container's own view of its
 * interface does, which is read through its first process.
 */
export class ContainerLinks {
  /** Links can be seen here: the engine's processes are this machine's, and we may look at them. */
  #seen = false;

  constructor(private readonly read: ReadLink = readLink) {}

  /** The view of a running container, with its link. One whose link has gone has ended since: its address counts no more. */
  async complete(running: Container, pid: number): Promise<Container> {
    try {
      const link = await this.read(pid);
      this.#seen = true;
      return { ...running, link };
    } catch {
      return this.#seen ? { ...running, address: undefined } : running;
    }
  }
}

async function readLink(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/root/sys/class/net/eth0/iflink`, 'utf8');
  const link = Number(text);
  if (!Number.isInteger(link) || link <= 0) throw new Error(`${text.trim()} is no interface`);
  return link;
}
