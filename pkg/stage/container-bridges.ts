import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { DockerCli } from './docker-cli';

/** As the engine calls its bridges unless it is told otherwise: known even while it is not up. */
const usualName = /^(docker0|docker_gwbridge|br-[0-9a-f]{12})$/;

/**
 * The bridges of this machine that lead to its containers and nowhere else, by the names of their devices. An engine may
 * also have been given a bridge that the machine's own network is on (`dockerd --bridge`): that one is none of them.
 */
export async function containerBridges(
  docker: Pick<DockerCli, 'bridges'>,
  signal: AbortSignal,
  devices = '/sys/class/net',
): Promise<ReadonlySet<string>> {
  const named = new Set(await docker.bridges(signal));
  const isOfContainers = (device: string) =>
    (named.has(device) || usualName.test(device)) && !portsOf(device, devices).some(leadsOut);
  return new Set(existsSync(devices) ? readdirSync(devices).filter(isOfContainers) : []);
}

function portsOf(bridge: string, devices: string): string[] {
  const ports = join(devices, bridge, 'brif');
  return existsSync(ports) ? readdirSync(ports).map((port) => join(devices, port)) : [];
}

/** Whether it is hardware, or made of another device, as a VLAN or a bond is: the ends of containers are neither. */
function leadsOut(port: string): boolean {
  if (!existsSync(port)) return false;
  return readdirSync(port).some((file) => file === 'device' || file.startsWith('lower_'));
}
