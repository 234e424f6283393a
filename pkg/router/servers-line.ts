import type { Server } from './servers';

/** The server in HAProxy's words: the same in a file, and for `add` at runtime. */
export function serverLine({ name, address, port, weight }: Server, id = name): string {
  return `server ${id} ${address}:${port} weight ${weight}`;
}
