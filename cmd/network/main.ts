import { join } from 'node:path';
import Docker from 'dockerode';
import { messageOf, UnavailableError } from '../../pkg/base/errors';
import { connect } from '../../pkg/client/client';
import { TrafficCounters } from '../../pkg/metrics/traffic-counters';
import { HeldServices } from '../../pkg/proxy/held-services';
import { Proxy } from '../../pkg/proxy/proxy';
import { Newcomers } from '../../pkg/registry/newcomers';
import { RegistryNode } from '../../pkg/registry/node';
import type { InstanceNetwork } from '../../pkg/registry/types';
import { splitRules } from '../../pkg/routing/outside';
import { apiEndpoint } from '../../pkg/stage/api-endpoint';
import { type Daemon, runDaemon } from '../../pkg/stage/daemon';
import { readToken } from '../../pkg/stage/tokens';
import { ApiRelay } from './api-relay';
import { instanceAddress, whenThere } from './instance-address';
import { type Names, startNames } from './names';
import { isResolverPlace } from './resolver-places';

const loopback = '127.0.0.1';
/** Below the time after which what an agent announces is forgotten. */
const announceMs = 30_000;

runDaemon('network', async (daemon) => {
  const { clock, random, log, signal, setting } = daemon;
  const executor = setting('GILLIAM_EXECUTOR_NAME');
  const port = (name: string) => Number(setting(`GILLIAM_${name}_PORT`));
  const peersReach = setting('GILLIAM_REGISTRY_ADDRESS', '-');
  let awaited = 'its turn';
  const wait = { clock, log, signal, onWait: (what: string) => void (awaited = what) };
  let names: Names | undefined;
  let whyNoNames = 'they are not set up yet';
  let environment: InstanceNetwork | undefined;

  const traffic = new TrafficCounters({ clock, random });
  const registry = new RegistryNode({
    name: executor,
    ...(peersReach === '-' ? {} : { address: peersReach }),
    token: readToken(setting('GILLIAM_TOKEN_FILE')),
    clock,
    random,
    log,
    dataDir: setting('GILLIAM_DATA_DIR'),
    environment: () => {
      // An instance that was given half of it would have to do with that for its life.
      if (!environment)
        throw new UnavailableError(`the network of instances is not set up yet: it waits for ${awaited}`);
      return environment;
    },
    traffic: () => traffic.lines(),
    virtualIpStatus: () => names?.translation.status ?? { translation: 'none', reason: whyNoNames },
    virtualIpTraffic: () => names?.traffic() ?? [],
    virtualIp: async (name) => names?.virtualIps.addressOf(name),
  });
  const newcomers = new Newcomers(registry, clock);
  const introduced = async (address: string) => {
    await newcomers.wait(address);
    await names?.inStep();
  };
  const held = heldServices(daemon);
  const proxy = new Proxy({
    ...{ registry, identities: registry, executor, clock, random, log, traffic },
    options: {
      allow: splitRules(setting('GILLIAM_PROXY_ALLOW', '*')),
    },
    held: (service) => held?.has(service) ?? false,
    introduced: (address) => newcomers.wait(address),
    nameOf: (address) => names?.virtualIps.nameOf(address),
    isResolver: (address, at) =>
      names !== undefined &&
      isResolverPlace(
        { address, port: at },
        { port: port('DNS'), isVirtual: (one) => names?.virtualIps.isVirtual(one) ?? false },
      ),
  });
  const end = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));

  let relay: { readonly address: string; readonly close: () => void } | undefined;
  /** Instances reach the API at this machine, and by the name `api.gilliam.service`. */
  const relayApi = async (host: string) => {
    const api = setting('GILLIAM_API', '-');
    const apiPort = Number(setting('GILLIAM_API_RELAY_PORT', api.slice(api.lastIndexOf(':') + 1)));
    if (api === '-' || host === loopback) return;
    const server = new ApiRelay(api, apiEndpoint(setting).ca);
    await whenThere(() => server.listen(host, apiPort), wait);
    const key = { formation: 'gilliam', service: 'api', instance: executor };
    const body = { executor, address: host, port: apiPort, ports: { [apiPort]: apiPort } };
    const announce = () => {
      if (signal.aborted) return;
      registry.announce(key, body);
      clock.after(announceMs, announce);
    };
    announce();
    relay = { address: `${host}:${apiPort}`, close: () => server.close() };
  };
  const start = async () => {
    const peersHost = peersReach.slice(0, Math.max(0, peersReach.lastIndexOf(':')));
    const hosts = new Set([loopback, ...(peersHost === '' ? [] : [peersHost])]);
    // The registry first: neither peers nor routers wait for the container engine.
    for (const host of hosts) {
      await whenThere(() => registry.listen([{ host, port: port('REGISTRY') }]), wait);
    }
    await proxy.listen([{ host: loopback, port: port('PROXY') }]);

    const address = setting('GILLIAM_INSTANCE_ADDRESS', '-');
    const host = address === '-' ? await instanceAddress(new Docker(), wait) : address;
    if (!hosts.has(host)) {
      await whenThere(() => registry.listen([{ host, port: port('REGISTRY') }]), wait);
    }
    if (host !== loopback) await whenThere(() => proxy.listen([{ host, port: port('PROXY') }]), wait);
    const onNone = (reason: string) => void (whyNoNames = reason);
    names = await startNames(
      {
        ...{ registry, executor, address: host, port: port('DNS'), introduced, onNone },
        daemonPorts: [port('PROXY'), port('REGISTRY')],
      },
      daemon,
    );
    await relayApi(host).catch((error: unknown) => {
      log.warn('instances cannot reach the API', { error: messageOf(error) });
    });
    environment = {
      registry: `http://${host}:${port('REGISTRY')}`,
      proxy: `http://${host}:${port('PROXY')}`,
      ...(names ? { resolver: names.virtualIps.resolver } : {}),
      ...(relay ? { api: relay.address } : {}),
    };
    log.info('listening', { ...environment });
  };
  await start().catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
  if (!signal.aborted) await end;
  // The registry first: it would confirm for followers that have left, while the rules of the kernel go on.
  relay?.close();
  await registry.close();
  await names?.close();
  await proxy.close();
});

/** Absent where no control plane is told of, as beside a registry alone. */
function heldServices({ clock, random, log, signal, setting }: Daemon): HeldServices | undefined {
  if (setting('GILLIAM_API', '-') === '-') return undefined;
  const token = readToken(setting('GILLIAM_TOKEN_FILE'));
  const client = connect({ ...apiEndpoint(setting), token, stage: setting('GILLIAM_STAGE', '') });
  const held = new HeldServices({
    ...{ client, clock, random, log, name: setting('GILLIAM_EXECUTOR_NAME') },
    file: join(setting('GILLIAM_DATA_DIR'), 'held-services.json'),
  });
  void held.run(signal).finally(() => client.close());
  return held;
}
