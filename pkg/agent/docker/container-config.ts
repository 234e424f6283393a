import type Docker from 'dockerode';
import type { ContainerSpec } from '../container-spec';

/** What the Docker Engine is asked to make for a spec. Pure, so that tests compare values. */
export function containerConfig(spec: ContainerSpec): Docker.ContainerCreateOptions {
  const [program, ...args] = spec.command;
  return {
    name: spec.name,
    Image: spec.image,
    // The argument vector is the whole command: an image's own entry point would only run with its own arguments.
    ...(program === undefined ? {} : { Entrypoint: [program], Cmd: args }),
    ...(spec.attach && {
      Tty: spec.attach.tty,
      OpenStdin: true,
      // The end of the attached one's input is the end of the command's.
      StdinOnce: true,
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
    }),
    Env: Object.entries(spec.environment).map(([name, value]) => `${name}=${value}`),
    Labels: { ...spec.labels },
    Hostname: spec.hostname,
    StopTimeout: Math.ceil(spec.graceMs / 1000),
    ExposedPorts: Object.fromEntries(spec.ports.map(({ containerPort }) => [`${containerPort}/tcp`, {}])),
    // The agent checks health; an image's own check would start a process every few seconds for nobody.
    Healthcheck: { Test: ['NONE'] },
    HostConfig: {
      // The agent restarts: with the engine doing so too, nobody would know who did what.
      RestartPolicy: { Name: 'no' },
      // A first process that forwards signals and reaps what is left behind.
      Init: true,
      PortBindings: Object.fromEntries(
        spec.ports.map(({ containerPort, hostPort }) => [
          `${containerPort}/tcp`,
          [{ HostIp: spec.bindAddress, HostPort: String(hostPort) }],
        ]),
      ),
      // One that is new is given what the image has at the path, and its owner.
      ...(spec.volumes && {
        Mounts: spec.volumes.map(({ name, path }) => ({
          Type: 'volume' as const,
          Source: name,
          Target: path,
        })),
      }),
      // Without any, the engine gives the host's own. A question that is lost while ours is restarted would otherwise
      // be asked again only after the five seconds of most C libraries.
      ...(spec.dns.length > 0 && { Dns: [...spec.dns], DnsOptions: ['timeout:1', 'attempts:4'] }),
      ...(spec.dnsSearch.length > 0 && { DnsSearch: [...spec.dnsSearch] }),
      NanoCpus: spec.cpuMillis * 1_000_000,
      Memory: spec.memoryBytes,
      // As much as memory means: no swap on top.
      MemorySwap: spec.memoryBytes,
      PidsLimit: spec.pids,
      CapDrop: ['ALL'],
      CapAdd: [...spec.capabilities],
      SecurityOpt: ['no-new-privileges'],
      // Of open files the engine's own limit holds, which it cannot always exceed; core dumps would fill its disk.
      Ulimits: [{ Name: 'core', Soft: 0, Hard: 0 }],
      LogConfig:
        spec.logs.files === 0
          ? { Type: 'none', Config: {} }
          : {
              Type: 'json-file',
              Config: { 'max-size': String(spec.logs.bytes), 'max-file': String(spec.logs.files) },
            },
    },
  };
}
