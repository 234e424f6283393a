import { get } from 'node:http';
import { connect } from 'node:net';
import { messageOf } from '../base/errors';
import type { RegistryStatus, VirtualIpStatus } from '../registry/status';
import type { StageConfig } from './config';
import { haproxyProcesses } from './haproxy-processes';
import type { PartHealth } from './part-health';

const notSetUp: PartHealth = { healthy: false, message: 'is not set up yet' };

/** Healthy when the registry answers. Says so when instances have no virtual IPs. */
export async function networkHealth(config: StageConfig, timeoutMs: number): Promise<PartHealth> {
  if (!config.network) return notSetUp;
  try {
    const { registry } = config.ports;
    // First: what refuses to say what instances are given is not ready for them, and has not tried all it can.
    await getJson(registry, '/-/environment', timeoutMs);
    const { virtualIps } = (await getJson(registry, '/-/status', timeoutMs)) as Partial<RegistryStatus>;
    return { healthy: true, message: remarkOn(virtualIps), ...(virtualIps && { virtualIps }) };
  } catch (error) {
    return { healthy: false, message: messageOf(error) };
  }
}

/** What a stage has to do without; empty for nothing. */
function remarkOn(virtualIps: VirtualIpStatus | undefined): string {
  if (virtualIps?.translation !== 'none') return '';
  return `without virtual IPs, so names of services work by the proxy only: ${virtualIps.reason}`;
}

/** Healthy when its HAProxy takes connections. */
export async function routerHealth(
  config: StageConfig,
  directory: string,
  timeoutMs: number,
): Promise<PartHealth> {
  if (!config.network) return notSetUp;
  const { http } = config.network.routerPorts;
  if (haproxyProcesses(directory).length === 0) return { healthy: false, message: 'HAProxy does not run' };
  const listens = await accepts(http, timeoutMs);
  return { healthy: listens, message: listens ? '' : `HAProxy does not listen on port ${http}` };
}

async function getJson(
  port: number,
  path: string,
  timeoutMs: number,
): Promise<Readonly<Record<string, unknown>>> {
  return JSON.parse(await getText(port, path, timeoutMs)) as Record<string, unknown>;
}

function getText(port: number, path: string, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get({ host: '127.0.0.1', port, path, timeout: timeoutMs }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text));
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode !== 200) {
          const why = reasonIn(body) ?? `answers ${path} with ${response.statusCode}`;
          return reject(new Error(`the registry says: ${why}`));
        }
        resolve(body);
      });
    });
    request.on('timeout', () => request.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    request.on('error', reject);
  });
}

function accepts(port: number, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, timeout: timeoutMs });
    const end = (accepted: boolean) => {
      socket.destroy();
      resolve(accepted);
    };
    socket.once('connect', () => end(true));
    socket.once('timeout', () => end(false));
    socket.once('error', () => end(false));
  });
}

/** What the registry's errors say; undefined for what is none of its. */
function reasonIn(body: string): string | undefined {
  try {
    const { error } = JSON.parse(body) as { error?: unknown };
    return typeof error === 'string' ? error : undefined;
  } catch {
    return undefined;
  }
}
