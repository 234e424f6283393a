import { networkInterfaces } from 'node:os';
import { isOwn } from '../routing/outside';

/** Whether the address is one of this machine's own, loopback or not. */
export function isThisMachine(address: string): boolean {
  if (isOwn(address)) return true;
  return Object.values(networkInterfaces()).some((all) => all?.some((one) => one.address === address));
}
