import type Docker from 'dockerode';
import type { Container, ContainerState, PortBinding } from '../driver';

/** What the engine says of a container, in the driver's terms. */
export function containerView(info: Docker.ContainerInspectInfo): Container {
  const { State: state, Config: config } = info;
  const seen = stateOf(state.Status);
  return {
    id: info.Id,
    name: info.Name.replace(/^\//, ''),
    labels: config.Labels ?? {},
    state: seen,
    ...(seen === 'exited' ? { exitCode: state.ExitCode, outOfMemory: state.OOMKilled } : {}),
    startedMs: timeOf(state.StartedAt),
    finishedMs: timeOf(state.FinishedAt),
    address: seen === 'running' ? addressOf(info) : undefined,
    ports: portsOf(info),
  };
}

function stateOf(status: string): ContainerState {
  switch (status) {
    case 'created':
      return 'created';
    case 'running':
    case 'paused':
    case 'restarting':
      return 'running';
    case 'removing':
      return 'removing';
    default:
      // `exited`, and `dead`: one that could not be removed before.
      return 'exited';
  }
}

function timeOf(text: string): number | undefined {
  // The engine's zero time is in the year 1.
  const ms = Date.parse(text);
  return ms > 0 ? ms : undefined;
}

function addressOf(info: Docker.ContainerInspectInfo): string | undefined {
  const networks = Object.values(info.NetworkSettings.Networks ?? {});
  return networks.map((network) => network.IPAddress).find((address) => address) || undefined;
}

/** What was asked for at its making: unlike what is published now, it is there while the container does not run. */
function portsOf(info: Docker.ContainerInspectInfo): PortBinding[] {
  const bindings = (info.HostConfig.PortBindings ?? {}) as Record<string, { HostPort?: string }[] | null>;
  return Object.entries(bindings).flatMap(([port, hosts]) => {
    const hostPort = Number(hosts?.[0]?.HostPort ?? 0);
    return hostPort > 0 ? [{ containerPort: parseInt(port, 10), hostPort }] : [];
  });
}
