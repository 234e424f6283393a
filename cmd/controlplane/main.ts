import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import Docker from 'dockerode';
import { ApiServer } from '../../pkg/api/server';
import { sleep } from '../../pkg/base/clock';
import { UnavailableError } from '../../pkg/base/errors';
import { DockerBuilder } from '../../pkg/builder/docker-builder';
import { DockerImages } from '../../pkg/builder/docker-images';
import { hostBuildArgs, hostCaBundle } from '../../pkg/builder/host-settings';
import { ControllerManager } from '../../pkg/controllers/manager';
import { stageImages } from '../../pkg/images/stage-images';
import { apiListeners } from '../../pkg/stage/api-endpoint';
import { type Daemon, runDaemon } from '../../pkg/stage/daemon';
import { packageRoot } from '../../pkg/stage/package-root';
import { readToken } from '../../pkg/stage/tokens';
import { EtcdStore } from '../../pkg/store/etcd/etcd-store';
import { keepCertificate } from './keep-certificate';

runDaemon('controlplane', async (daemon) => {
  const { clock, random, log, version, signal, setting } = daemon;
  const stage = setting('GILLIAM_STAGE');
  const identity = `${setting('GILLIAM_IDENTITY')}-${process.pid}`;
  const store = await openStore(stage, daemon);
  const certificates = {
    SSL_CERT_FILE: process.env.SSL_CERT_FILE,
    NODE_EXTRA_CA_CERTS: process.env.GILLIAM_EXTRA_CERTIFICATES,
  };
  const docker = new Docker();
  const stageKey = setting('GILLIAM_STAGE_KEY');
  const builder = new DockerBuilder({
    docker,
    clock,
    log,
    baseImage: setting('GILLIAM_BASE_IMAGE'),
    caBundle: await hostCaBundle(certificates),
    buildArgs: hostBuildArgs(process.env),
    stage: stageKey,
  });
  const registry = setting('GILLIAM_IMAGES', '');
  const tokens = {
    user: readToken(setting('GILLIAM_USER_TOKEN_FILE')),
    executor: readToken(setting('GILLIAM_EXECUTOR_TOKEN_FILE')),
  };
  const options = { descriptorSet: await readFile(join(packageRoot(), 'dist/gilliam.binpb')) };
  const api = new ApiServer({
    store,
    builder,
    images: new DockerImages({ docker, stage: stageKey }),
    ...(registry && { stageImages: stageImages({ registry, stageKey, docker, clock, random, log }) }),
    clock,
    random,
    log,
    stage,
    version,
    identity,
    tokens,
    options,
  });
  const controllers = new ControllerManager({ store, clock, random, log, identity });
  for (const listener of apiListeners(setting)) {
    const { port } = await api.listen(listener);
    log.info('listening', { host: listener.host, port, advertise: listener.advertise });
  }
  void keepCertificate(api, daemon);

  await controllers.run(signal);
  await api.close();
  await store.close();
});

/** etcd may be slower to start than we are, or away. */
async function openStore(stage: string, { clock, random, log, signal, setting }: Daemon): Promise<EtcdStore> {
  const endpoints = setting('GILLIAM_ETCD').split(',');
  for (;;) {
    try {
      return await EtcdStore.open({ endpoints, stage, clock, random, log });
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error;
      log.info('waiting for etcd', { endpoints, error: error.message });
      await sleep(clock, 200, signal);
    }
  }
}
