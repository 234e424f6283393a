import { networkInterfaces } from 'node:os';

/** This machine's IPv4 addresses that others could come to, in order; from the kernel, as they are now. */
export function machineAddresses(): readonly string[] {
  return Object.values(networkInterfaces())
    .flatMap((all) => all ?? [])
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
    .map(({ address }) => address)
    .toSorted();
}
