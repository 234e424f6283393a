import { isIPv4 } from 'node:net';
import type Docker from 'dockerode';
import { backoffMs } from '../../pkg/base/backoff';
import { type Clock, sleep } from '../../pkg/base/clock';
import { messageOf } from '../../pkg/base/errors';
import type { Logger } from '../../pkg/base/log';

interface Wait {
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Told what is waited for, each time that it is not there yet. */
  readonly onWait?: (what: string) => void;
}

const backoff = { startMs: 200, capMs: 5000 };

/** Where instances reach this machine: the gateway of the engine's default bridge. Asked until the engine says so. */
export async function instanceAddress(
  engine: Pick<Docker, 'getNetwork'>,
  { clock, log, signal, onWait = () => {} }: Wait,
): Promise<string> {
  for (let attempt = 0; ; attempt++) {
    try {
      const network = (await engine.getNetwork('bridge').inspect()) as unknown;
      const gateway = gatewayOf(network);
      if (gateway !== undefined) return gateway;
      log.info('waiting for the gateway of the default bridge');
      onWait("the gateway of the container engine's default bridge");
    } catch (error) {
      log.info('waiting for the container engine', { error: messageOf(error) });
      onWait('the container engine');
    }
    await sleep(clock, backoffMs(backoff, attempt), signal);
  }
}

/**
 * The IPv4 gateway of an inspected network. An engine that nobody has told a gateway says only the subnet, and takes its
 * first address.
 */
export function gatewayOf(network: unknown): string | undefined {
  const config = (network as { IPAM?: { Config?: { Gateway?: string; Subnet?: string }[] | null } }).IPAM
    ?.Config;
  for (const { Gateway, Subnet } of config ?? []) {
    if (Gateway !== undefined && isIPv4(Gateway)) return Gateway;
    const [address = ''] = (Subnet ?? '').split('/');
    // `172.17.0.1/16` is how the engine writes the subnet of a bridge that it was given.
    if (isIPv4(address)) return address.replace(/\.0$/, '.1');
  }
  return undefined;
}

/** Listens at an address that may not exist yet: that of a bridge, before the engine has made it. */
export async function whenThere<T>(
  listen: () => Promise<T>,
  { clock, log, signal, onWait = () => {} }: Wait,
): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await listen();
    } catch (error) {
      if (!isNotThere(error)) throw error;
      log.info('waiting for the address to listen at', { error: messageOf(error) });
      onWait(`an address of this machine: ${messageOf(error)}`);
    }
    await sleep(clock, backoffMs(backoff, attempt), signal);
  }
}

/** Whether the address does not exist, as the system or whoever has wrapped its error says. */
function isNotThere(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return (error as NodeJS.ErrnoException).code === 'EADDRNOTAVAIL' || isNotThere(error.cause);
}
