import type { StageHarness } from '../../test/e2e/harness';
import { run } from './run';

interface Inspected {
  readonly Image: string;
  readonly Path: string;
  readonly Args: string[];
  readonly Config: { Env: string[]; Labels: Record<string, string>; Hostname: string };
  readonly HostConfig: {
    CapAdd: string[];
    LogConfig: { Type: string; Config: Record<string, string> };
    PidsLimit: number;
  };
}

/** The `docker run` that starts a container like one of the stage's, under a label of our own. */
export async function sameAs(stage: StageHarness, label: string): Promise<string[]> {
  const [id] = await stage.containers('status=running');
  const [container] = JSON.parse((await run('docker', ['inspect', id as string])).stdout) as [Inspected];
  const { Config, HostConfig } = container;
  return [
    ...['run', '--detach', '--init', '--label', label, '--no-healthcheck'],
    ...['--cap-drop', 'ALL', ...HostConfig.CapAdd.flatMap((cap) => ['--cap-add', cap])],
    ...['--security-opt', 'no-new-privileges', '--pids-limit', String(HostConfig.PidsLimit)],
    ...['--ulimit', 'core=0:0', '--log-driver', HostConfig.LogConfig.Type],
    ...Object.entries(HostConfig.LogConfig.Config).flatMap(([k, v]) => ['--log-opt', `${k}=${v}`]),
    ...Config.Env.flatMap((variable) => ['--env', variable]),
    ...Object.entries(Config.Labels)
      .filter(([name]) => !name.startsWith('gilliam.'))
      .flatMap(([name, value]) => ['--label', `${name}=${value}`]),
    ...['--entrypoint', container.Path, container.Image, ...container.Args],
  ];
}

export async function removeLabelled(label: string): Promise<void> {
  const ids = (await run('docker', ['ps', '-aq', '--filter', `label=${label}`])).stdout
    .split('\n')
    .filter(Boolean);
  if (ids.length > 0) await run('docker', ['rm', '--force', ...ids]);
}
