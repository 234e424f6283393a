import { constants } from 'node:fs';
import { open, statfs } from 'node:fs/promises';
import type { Container } from '../driver';

export type ReadLink = (pid: number) => Promise<number>;

/**
 * Finds the interfaces of the machine that lead to containers. The engine does not tell; the container's own view of its
 * interface does, which is read through its first process.
 */
export class ContainerLinks {
  /** Links can be seen here: the engine's processes are this machine's, and we may look at them. */
  #seen = false;

  constructor(
    private readonly read: ReadLink = (pid) => readLink(`/proc/${pid}/root/sys/class/net/eth0/iflink`),
  ) {}

  /** The view of a running container, with its link. One whose link has gone has ended since: its address counts no more. */
  async complete(running: Container, pid: number): Promise<Container> {
    try {
      const link = await this.read(pid);
      this.#seen = true;
      return { ...running, link };
    } catch (error) {
      // Any other failure says nothing of the container: it is as before, known by its address alone.
      const { code } = error as NodeJS.ErrnoException;
      const gone = code === 'ENOENT' || code === 'ESRCH';
      return this.#seen && gone ? { ...running, address: undefined } : running;
    }
  }
}

/** What the kernel shows of interfaces is of this kind of file system. */
const sysfs = 0x62656572;
const maxLink = 2 ** 31 - 1;
const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW } = constants;

/**
 * An image may have a volume where the kernel's view is expected: nothing that is not the kernel's is read, as it may never
 * end or never begin.
 */
export async function readLink(path: string): Promise<number> {
  const file = await open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
  try {
    const { type } = await statfs(`/proc/self/fd/${file.fd}`);
    if (type !== sysfs) throw new Error(`${path} is not the kernel's`);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(32), 0, 32, 0);
    const link = Number(buffer.toString('latin1', 0, bytesRead));
    if (!Number.isInteger(link) || link <= 0 || link > maxLink) throw new Error(`${path} is no interface's`);
    return link;
  } finally {
    await file.close();
  }
}
