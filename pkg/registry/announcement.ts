import { isIPv4 } from 'node:net';
import { DeniedError, InvalidError } from '../base/errors';
import { isLabel } from '../resource/names';
import { isRecord } from './item';
import { isReleaseLabel } from './service-name';
import type { RegistryLimits } from './settings';
import type { Announcement, Entry } from './types';

const hostName =
  /^(?=.{1,253}$)[a-z0-9_](?:[-a-z0-9_]*[a-z0-9_])?(?:\.[a-z0-9_](?:[-a-z0-9_]*[a-z0-9_])?)*\.?$/i;

/**
 * Checks what is announced: a JSON object in which the names that mean something to Gilliam have values that make sense.
 * Throws InvalidError, or DeniedError for what only an agent can know.
 */
export function parseAnnouncement(
  value: unknown,
  source: Entry['source'],
  limits: Pick<RegistryLimits, 'bodyBytes' | 'bodyDepth' | 'ports'>,
): Announcement {
  if (!isRecord(value)) {
    throw new InvalidError('an announcement is a JSON object, such as {"host": "10.0.0.7", "port": 5432}');
  }
  if (depthOf(value, limits.bodyDepth + 1) > limits.bodyDepth) {
    throw new InvalidError(`an announcement is nested at most ${limits.bodyDepth} levels deep`);
  }
  if (Buffer.byteLength(JSON.stringify(value)) > limits.bodyBytes) throw tooLarge(limits.bodyBytes);
  checkFields(value);
  checkPortCount(value, limits.ports);
  if (source === 'external') checkExternal(value);
  return value as Announcement;
}

export function tooLarge(bytes: number): InvalidError {
  return new InvalidError(
    `an announcement has at most ${bytes} bytes: keep elsewhere what is larger, and its address here`,
  );
}

function checkFields({
  host,
  port,
  ports,
  release,
  executor,
  address,
  sharedWith,
  trafficPercent,
}: Readonly<Record<string, unknown>>): void {
  if (host !== undefined && !isHost(host)) throw invalid('host', 'an IPv4 address or a host name');
  if (port !== undefined && !isPort(port)) throw invalid('port', 'a number from 1 to 65535');
  if (ports !== undefined) {
    const sound =
      isRecord(ports) &&
      Object.entries(ports).every(
        ([name, to]) => /^[1-9]\d{0,4}$/.test(name) && isPort(Number(name)) && isPort(to),
      );
    if (!sound)
      throw invalid('ports', 'an object from ports of the service to ports of the host: {"8080": 10000}');
  }
  if (release !== undefined && (typeof release !== 'string' || !isReleaseLabel(release))) {
    throw invalid('release', 'a text such as "v2"');
  }
  if (executor !== undefined && typeof executor !== 'string') throw invalid('executor', 'a text');
  if (address !== undefined && (typeof address !== 'string' || !isIPv4(address))) {
    throw invalid('address', 'an IPv4 address');
  }
  if (sharedWith !== undefined && !isShare(sharedWith))
    throw invalid('sharedWith', 'a list of formations, or of "*"');
  if (trafficPercent !== undefined && trafficPercent !== null && !isPercent(trafficPercent))
    throw invalid('trafficPercent', 'a number from 0 to 100');
}

/** Each port is rules in the kernel of every executor. */
function checkPortCount({ ports }: Readonly<Record<string, unknown>>, limit: number): void {
  const count = isRecord(ports) ? Object.keys(ports).length : 0;
  if (count <= limit) return;
  const description = `at most ${limit} ports, and these are ${count}: announce the others under another name`;
  throw invalid('ports', description);
}

function checkExternal({ host, ...only }: Readonly<Record<string, unknown>>): void {
  const { executor, address, sharedWith, trafficPercent } = only;
  for (const [field, given] of Object.entries({ executor, address, sharedWith, trafficPercent })) {
    if (given === undefined) continue;
    throw new DeniedError(`${field} is for instances that an executor's agent announces: leave it out`);
  }
  if (typeof host === 'string' && isOwnMachine(host)) {
    throw new InvalidError(
      `host ${JSON.stringify(host)} means another machine to everybody who asks: give an address that all executors reach`,
    );
  }
}

/** Whether the host is not one place for everybody: loopback, unspecified, link-local, multicast. */
function isOwnMachine(host: string): boolean {
  const lower = host.toLowerCase().replace(/\.$/, '');
  if (lower === 'localhost' || lower.endsWith('.localhost')) return true;
  if (!isIPv4(lower)) return false;
  const [first = 0, second = 0] = lower.split('.').map(Number);
  return first === 0 || first === 127 || first >= 224 || (first === 169 && second === 254);
}

/** A text of digits and dots only is an address, or nothing: resolvers disagree about `127.1`. */
function isHost(value: unknown): boolean {
  if (typeof value !== 'string') return false;
  return /^[\d.]*$|^0x[\da-f.x]*$/i.test(value) ? isIPv4(value) : hostName.test(value);
}

/** `*`, or formations. */
export function isShare(value: unknown): value is readonly string[] {
  return (
    Array.isArray(value) && value.every((one) => typeof one === 'string' && (one === '*' || isLabel(one)))
  );
}

function isPort(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 65_535;
}

function isPercent(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 100;
}

function depthOf(value: unknown, limit: number): number {
  if (typeof value !== 'object' || value === null) return 0;
  if (limit <= 1) return 1;
  return 1 + Math.max(0, ...Object.values(value).map((one) => depthOf(one, limit - 1)));
}

function invalid(field: string, description: string): InvalidError {
  return new InvalidError(`${field} of an announcement is ${description}`, [{ field, description }]);
}
