import { join } from 'node:path';
import Docker from 'dockerode';
import { Agent } from '../../pkg/agent/agent';
import { DockerDriver } from '../../pkg/agent/docker/docker-driver';
import { ImageFetcher } from '../../pkg/agent/images/image-fetcher';
import { grpcImages } from '../../pkg/agent/images/image-source';
import { FileArchive } from '../../pkg/agent/logs/file-archive';
import { registryNetwork } from '../../pkg/agent/network/registry-network';
import { grpcConnect } from '../../pkg/agent/transport';
import { CgroupMeter } from '../../pkg/agent/usage/cgroup-meter';
import { EngineMeter, firstOf } from '../../pkg/agent/usage/engine-meter';
import { DockerImageEngine } from '../../pkg/images/docker-image-engine';
import { HttpRegistry } from '../../pkg/images/http-registry';
import { parseRegistry } from '../../pkg/images/registry-setting';
import { RegistryClient } from '../../pkg/registry/client';
import { apiEndpoint } from '../../pkg/stage/api-endpoint';
import { runDaemon } from '../../pkg/stage/daemon';
import { readToken } from '../../pkg/stage/tokens';

runDaemon('executor', async ({ clock, random, log, version, signal, setting }) => {
  const stage = setting('GILLIAM_STAGE');
  const token = readToken(setting('GILLIAM_TOKEN_FILE'));
  const directory = setting('GILLIAM_DATA_DIR', '');
  const registry = setting('GILLIAM_REGISTRY', '');
  const images = setting('GILLIAM_IMAGES', '');
  const connection = { ...apiEndpoint(setting), token, stage };
  const agent = new Agent({
    driver: new DockerDriver({ clock }),
    connect: grpcConnect(connection, random),
    network: registry ? registryNetwork(new RegistryClient({ url: registry, token, clock })) : undefined,
    images: new ImageFetcher({
      engine: new DockerImageEngine(new Docker(), clock),
      connect: grpcImages(connection),
      registry: images ? new HttpRegistry({ place: parseRegistry(images), clock }) : undefined,
      ...{ clock, random, log },
    }),
    meter: firstOf(new CgroupMeter(), new EngineMeter()),
    archive: directory ? new FileArchive({ directory: join(directory, 'logs'), clock, log }) : undefined,
    clock,
    random,
    log,
    config: {
      stage,
      stageKey: setting('GILLIAM_STAGE_KEY'),
      name: setting('GILLIAM_EXECUTOR_NAME'),
      host: setting('GILLIAM_EXECUTOR_HOST'),
      registryAddress: setting('GILLIAM_REGISTRY_ADDRESS', ''),
      portsFrom: Number(setting('GILLIAM_HOST_PORT_BASE', '10000')),
      version,
    },
  });
  await agent.run(signal);
});
