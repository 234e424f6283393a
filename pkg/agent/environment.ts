import type { InstanceNetwork } from '../registry/types';
import type { Task } from './task';

const proxyVariables = ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'https_proxy'] as const;
const noProxyVariables = ['NO_PROXY', 'no_proxy'] as const;
/** What an instance says to itself is nobody else's affair. */
const neverProxied = ['localhost', '127.0.0.1', '::1'] as const;

/**
 * The environment of an instance: the process's, over it the release's configuration, over that what a one-off is given,
 * over all of them Gilliam's own.
 */
export function environmentOf(task: Task, stage: string, network?: InstanceNetwork): Record<string, string> {
  const { metadata, spec } = task.instance;
  const given = { ...task.process.env, ...task.config, ...spec.oneOff?.env };
  const own = {
    ...portOf(task),
    ...networkOf(given, network),
    GILLIAM_STAGE: stage,
    GILLIAM_FORMATION: metadata.formation,
    GILLIAM_SERVICE: spec.process,
    GILLIAM_INSTANCE: `${spec.process}.${spec.ordinal}`,
    GILLIAM_RELEASE: spec.release,
  };
  const others = Object.entries(given).filter(([name]) => !name.startsWith('GILLIAM_') && !(name in own));
  return { ...Object.fromEntries(others), ...own };
}

/** A process without ports is given no PORT, so that one from its configuration is its own affair. */
function portOf({ process }: Task): Record<string, string> {
  const port = process.ports[0]?.containerPort;
  return port === undefined ? {} : { PORT: String(port) };
}

/** Without a proxy of Gilliam's, one from the configuration stays. */
function networkOf(
  given: Readonly<Record<string, string>>,
  network: InstanceNetwork | undefined,
): Record<string, string> {
  if (!network) return {};
  const { api } = network;
  const registry = {
    GILLIAM_SERVICE_REGISTRY: network.registry,
    ...(api === undefined ? {} : { GILLIAM_API: api }),
  };
  if (network.proxy === undefined) return registry;
  const { proxy } = network;
  const wished = noProxyVariables.flatMap((name) => (given[name] ?? '').split(','));
  // A gRPC library would ask the proxy for it.
  const own = api === undefined ? [] : [api.slice(0, api.lastIndexOf(':'))];
  const direct = [
    ...neverProxied,
    ...own,
    ...wished.map((host) => host.trim()).filter((host) => host !== ''),
  ];
  const noProxy = [...new Set(direct)].join(',');
  return {
    ...Object.fromEntries(proxyVariables.map((name) => [name, proxy])),
    ...Object.fromEntries(noProxyVariables.map((name) => [name, noProxy])),
    ...registry,
  };
}
