import { lookup } from 'node:dns/promises';
import { join } from 'node:path';
import { connect } from '../../pkg/client/client';
import { RegistryClient, RegistryMirror } from '../../pkg/registry/client';
import { HaproxyProcess } from '../../pkg/router/haproxy-process';
import { openFilesLimit, unprivileged } from '../../pkg/router/host';
import { ApiRouteSource } from '../../pkg/router/route-source';
import { Router } from '../../pkg/router/router';
import { maxConnectionsOf } from '../../pkg/router/settings';
import { TrafficReport } from '../../pkg/router/traffic-report';
import { apiEndpoint } from '../../pkg/stage/api-endpoint';
import { runDaemon } from '../../pkg/stage/daemon';
import { readToken } from '../../pkg/stage/tokens';

runDaemon('router', async ({ clock, random, log, signal, setting }) => {
  const token = readToken(setting('GILLIAM_TOKEN_FILE'));
  const executor = setting('GILLIAM_EXECUTOR_NAME');
  const dataDir = setting('GILLIAM_DATA_DIR');
  const bind = setting('GILLIAM_ROUTER_BIND', '*');
  const client = connect({ ...apiEndpoint(setting), token, stage: setting('GILLIAM_STAGE') });
  const registry = new RegistryMirror({
    ...{ url: setting('GILLIAM_REGISTRY'), token, name: 'router' },
    ...{ clock, random, log },
  });
  const node = new RegistryClient({ url: setting('GILLIAM_REGISTRY'), token, clock });
  const file = join(dataDir, 'routes.json');
  const router = new Router({
    ...{ registry, executor, clock, random, log },
    routes: new ApiRouteSource({ client, name: executor, file, clock, random, log }),
    haproxy: new HaproxyProcess({ directory: join(dataDir, 'haproxy'), clock, log }),
    ports: {
      bind,
      http: Number(setting('GILLIAM_HTTP_PORT')),
      https: Number(setting('GILLIAM_HTTPS_PORT')),
    },
    traffic: new TrafficReport({
      ...{ clock, random, log },
      tell: (lines, telling) => node.putTraffic(lines, telling),
    }),
    maxConnections: maxConnectionsOf(openFilesLimit()),
    resolve: async (host) => (await lookup(host, { family: 4, all: true })).map(({ address }) => address),
    ...unprivileged(),
  });
  await Promise.race([router.run(signal), registry.run(signal).then(() => new Promise<never>(() => {}))]);
  client.close();
  await node.close();
});
