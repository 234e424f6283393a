import { existsSync, readFileSync } from 'node:fs';
import { InvalidError, messageOf, PreconditionError } from '../base/errors';
import { outsideRules, splitRules } from '../routing/outside';
import type { StageConfig, StageRole } from './config';
import type { Invitation } from './invitation';
import type { StagePaths } from './paths';

/** What is asked for, of a stage that there is or is not yet. */
export interface UpOptions {
  readonly port?: number;
  readonly httpPort?: number;
  readonly httpsPort?: number;
  readonly hostPortBase?: number;
  /** The address by which published ports are reached. */
  readonly host?: string;
  /** At which other machines reach this one. */
  readonly address?: string;
  /** The hosts that instances reach through the proxy. */
  readonly proxyAllow?: string;
  /** To be an executor of this stage, under this name: default the one it has, else the machine's. */
  readonly joining?: { readonly invitation: Invitation; readonly name?: string };
}

/** What the machine is to be. */
export function roleOf({ joining }: UpOptions, config: StageConfig | undefined): StageRole {
  return joining ? 'executor' : (config?.role ?? 'stage');
}

/** Throws PreconditionError when the machine is something else already. */
export function checkRole({ joining, address }: UpOptions, config: StageConfig | undefined): void {
  if (!config) return;
  const { stage, role } = config;
  if (!joining && address !== undefined && role === 'executor') {
    throw new PreconditionError(
      `this machine has joined stage ${stage}, whose home is another: "gilliam join --address" says where it is reached`,
    );
  }
  if (!joining) return;
  if (role === 'stage') {
    throw new PreconditionError(
      `this machine is the home of a stage ${stage} itself: join from another machine, or remove the stage with "gilliam down --forget --stage ${stage}"`,
    );
  }
  if (config.id !== joining.invitation.id) {
    throw new PreconditionError(
      `this machine has joined another stage that is called ${stage}: leave it first, "gilliam down --forget --stage ${stage}"`,
    );
  }
}

/** It would be kept, and no proxy could be started with it. Throws InvalidError. */
export function checkProxyAllow(list = ''): void {
  try {
    outsideRules(splitRules(list));
  } catch (error) {
    throw new InvalidError(`GILLIAM_PROXY_ALLOW: ${messageOf(error)}`, [], { cause: error });
  }
}

/** Whether processes that were started before have been told something else: then they are replaced. */
export function isChanged(options: UpOptions, config: StageConfig | undefined, paths: StagePaths): boolean {
  const { address, joining, proxyAllow } = options;
  if (!config) return false;
  if (proxyAllow && proxyAllow !== config.proxyAllow) return true;
  if (address !== undefined && address !== config.address) return true;
  if (!joining) return false;
  const { invitation, name } = joining;
  return (
    (name !== undefined && name !== config.executor.name) ||
    invitation.api !== config.api ||
    invitation.ca !== contentOf(paths.tls.ca) ||
    invitation.token !== contentOf(paths.executorToken)?.trim()
  );
}

/** Throws PreconditionError when the stage is up, and is to have what it can only be given while it is down. */
export function refuseChange(options: UpOptions, config: StageConfig): void {
  const { port, httpPort, httpsPort, hostPortBase, host, address } = options;
  const routerPorts = config.network?.routerPorts;
  const changes = [
    port !== undefined && port !== config.ports.api && '--port',
    httpPort !== undefined && routerPorts && httpPort !== routerPorts.http && '--http-port',
    httpsPort !== undefined && routerPorts && httpsPort !== routerPorts.https && '--https-port',
    hostPortBase !== undefined && hostPortBase !== config.hostPortBase && '--host-port-base',
    host !== undefined && address === undefined && host !== config.executor.host && '--host',
  ].filter((flag) => typeof flag === 'string');
  if (changes.length === 0) return;
  const again = config.role === 'executor' ? 'join' : 'up';
  throw new PreconditionError(
    `stage ${config.stage} is up with another ${changes.join(' and ')}: "gilliam down" first, then ${again} with it`,
  );
}

function contentOf(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}
