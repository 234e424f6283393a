import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { isIPv4, isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { PreconditionError } from '../base/errors';
import { machineAddresses } from '../kernel/machine-addresses';

/**
 * Throws PreconditionError unless other machines could reach this one at the host: a name or an address of its own, and of
 * no bridge that only containers are on. What is announced, balanced and translated has IPv4 addresses.
 */
export async function checkOwnAddress(
  host: string,
  containerBridges: ReadonlySet<string>,
  interfaces = networkInterfaces(),
): Promise<void> {
  const all = machineAddresses(interfaces);
  const own = all.filter(({ device }) => !containerBridges.has(device)).map(({ address }) => address);
  const choice = `give one of its addresses (${own.join(', ') || 'it has none'}), or a name that leads to one here, too`;
  if (isIPv6(host)) {
    throw new PreconditionError(
      `${host} is an IPv6 address, and machines of a stage reach each other by IPv4: ${choice}`,
    );
  }
  const found = isIPv4(host)
    ? host
    : await lookup(host, { family: 4 }).then(
        ({ address }) => address,
        () => undefined,
      );
  if (found === undefined)
    throw new PreconditionError(`the name ${host} leads nowhere on this machine: ${choice}`);
  if (own.includes(found)) return;
  const leads = found === host ? '' : ` leads to ${found}, which`;
  const bridge = all.find(({ address }) => address === found)?.device;
  throw new PreconditionError(
    `other machines do not reach this one at ${host}: it${leads} ${whyNot(found, bridge)}: ${choice}`,
  );
}

function whyNot(address: string, bridge: string | undefined): string {
  if (address.startsWith('127.')) return 'is an address that only this machine reaches';
  if (bridge === undefined) return 'is none of its addresses';
  return `is the address of ${bridge}, which only containers of this machine are on`;
}

/** The IPv4 address of this machine from which it reaches another: nothing is sent to find it. */
export async function addressTowards(host: string, port: number): Promise<string | undefined> {
  const found = await lookup(host, { family: 4 }).catch(() => undefined);
  // Of an address of IPv6 that is said so.
  if (found?.family !== 4) return undefined;
  const socket = createSocket('udp4');
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
