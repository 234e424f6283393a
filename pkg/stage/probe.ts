import { get } from 'node:http';
import { messageOf, UnavailableError } from '../base/errors';
import type { Client, ConnectOptions } from '../client/client';
import { ExecutorState, type ExecutorStatus } from '../gen/gilliam/v1/executor';
import type { GetStageResponse } from '../gen/gilliam/v1/stage_service';
import { readCa } from './api-ca';
import { apiAddress, handsOutImages } from './components';
import type { StageConfig } from './config';
import type { PartHealth } from './part-health';
import type { StagePaths } from './paths';
import { networkHealth, routerHealth } from './probe-network';

export type Connect = (options: ConnectOptions) => Client;

/** In the order in which each is of use to the next. */
export const healthNames = ['etcd', 'images', 'controlplane', 'network', 'router', 'executor'] as const;
export type HealthName = (typeof healthNames)[number];

/** What the stage's parts say of themselves; what does not answer says why. Of a machine that has joined without etcd. */
export type Health = Readonly<Partial<Record<HealthName, PartHealth>>>;

export interface ProbedStage {
  readonly config: StageConfig;
  readonly paths: StagePaths;
}

const probeTimeoutMs = 2_000;

/** Asks all parts at once. Never rejects but by the signal. */
export async function probe(
  { config, paths }: ProbedStage,
  token: string,
  connect: Connect,
  signal?: AbortSignal,
): Promise<Health> {
  const ca = readCa(config, paths);
  const client = connect({ address: apiAddress(config), token, ca, stage: config.stage });
  try {
    const asked = { executor: `executors/${config.executor.name}` };
    const [etcd, images, network, router, [controlplane, executor]] = await Promise.all([
      config.role === 'stage' ? etcdHealth(paths.etcdSocket) : undefined,
      handsOutImages(config) ? imagesHealth(paths.imagesSocket) : undefined,
      networkHealth(config, probeTimeoutMs),
      routerHealth(config, paths.router, probeTimeoutMs),
      client.stage.getStage(asked, { signal, deadlineMs: probeTimeoutMs }).then(
        (stage) => [
          // What else there is of the stage is not this machine's affair.
          config.role === 'stage' ? stageHealth(stage) : { healthy: true, message: '' },
          executorHealth(stage.executor?.status),
        ],
        (error: unknown) => [
          unhealthy(error, config),
          { healthy: false, message: 'nobody can be asked for it' },
        ],
      ),
    ]);
    return { ...(etcd && { etcd }), ...(images && { images }), controlplane, network, router, executor };
  } finally {
    client.close();
  }
}

/** Healthy when its parts are and somebody leads. */
export function stageHealth(stage: GetStageResponse): PartHealth {
  const ill = stage.components.filter(({ healthy }) => !healthy);
  if (ill.length > 0)
    return { healthy: false, message: ill.map(({ name, message }) => `${name}: ${message}`).join('; ') };
  if (stage.leader === '') return { healthy: false, message: 'no controllers lead yet' };
  return { healthy: true, message: '' };
}

function executorHealth(status: ExecutorStatus | undefined): PartHealth {
  if (status?.state === ExecutorState.READY) return { healthy: true, message: '' };
  return { healthy: false, message: status?.message || 'is not ready yet' };
}

/** The client's advice, `gilliam up`, is for others: who asks here is about to do that, or has done so. */
function unhealthy(error: unknown, { role }: StageConfig): PartHealth {
  const silent = error instanceof UnavailableError && role === 'stage';
  return { healthy: false, message: silent ? 'does not answer' : messageOf(error) };
}

function etcdHealth(socketPath: string): Promise<PartHealth> {
  return answerOf({ socketPath, path: '/health' }, (_, body) => /"health"\s*:\s*"?true/.test(body));
}

function imagesHealth(socketPath: string): Promise<PartHealth> {
  return answerOf({ socketPath, path: '/v2/' }, (status) => status === 200);
}

function answerOf(
  asked: { readonly socketPath: string; readonly path: string },
  isHealthy: (status: number | undefined, body: string) => boolean,
): Promise<PartHealth> {
  return new Promise((resolve) => {
    const request = get({ ...asked, timeout: probeTimeoutMs }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text));
      response.on('end', () => resolve({ healthy: isHealthy(response.statusCode, body), message: '' }));
    });
    request.on('timeout', () => request.destroy(new Error(`no answer within ${probeTimeoutMs} ms`)));
    request.on('error', (error) => resolve({ healthy: false, message: error.message }));
  });
}
