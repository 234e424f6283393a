import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import { PreconditionError } from '../base/errors';

/** Throws PreconditionError unless other machines could reach this one at the host: a name or an address of its own. */
export async function checkOwnAddress(host: string): Promise<void> {
  const own = ownAddresses();
  const choice = `give one of its addresses (${own.join(', ') || 'it has none'}), or a name that leads to one here, too`;
  const found = isIP(host)
    ? host
    : await lookup(host).then(
        ({ address }) => address,
        () => undefined,
      );
  if (found === undefined)
    throw new PreconditionError(`the name ${host} leads nowhere on this machine: ${choice}`);
  if (own.includes(found)) return;
  const isLoopback = found === '::1' || found.startsWith('127.');
  const leads = found === host ? '' : ` leads to ${found}, which`;
  const why = isLoopback ? 'is an address that only this machine reaches' : 'is none of its addresses';
  throw new PreconditionError(
    `other machines do not reach this one at ${host}: it${leads} ${why}: ${choice}`,
  );
}

/** The address of this machine from which it reaches another: nothing is sent to find it. */
export async function addressTowards(host: string, port: number): Promise<string | undefined> {
  const found = await lookup(host).catch(() => undefined);
  if (!found) return undefined;
  const socket = createSocket(found.family === 6 ? 'udp6' : 'udp4');
  try {
    return await new Promise<string>((resolve, reject) => {
      socket.once('error', reject);
      socket.connect(port, found.address, () => resolve(socket.address().address));
    });
  } catch {
    return undefined;
  } finally {
    socket.close();
  }
}

/** Those at which others might reach this machine: not of loopback, and not of one link only. */
function ownAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((each): NetworkInterfaceInfo[] => each ?? []);
  return all
    .filter(({ internal, address }) => !internal && !address.startsWith('fe80:'))
    .map(({ address }) => address);
}
