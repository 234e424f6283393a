import { networkInterfaces } from 'node:os';

/** An IPv4 address of this machine that others could come to, and the network device that has it. */
export interface MachineAddress {
  readonly address: string;
  readonly device: string;
}

/** Those there are now, not of loopback; from the kernel. */
export function machineAddresses(interfaces = networkInterfaces()): readonly MachineAddress[] {
  return Object.entries(interfaces).flatMap(([device, addresses = []]) =>
    addresses
      .filter(({ internal, family }) => !internal && family === 'IPv4')
      .map(({ address }) => ({ address, device })),
  );
}
