import { existsSync } from 'node:fs';
import { findProgram, type RunCommand } from './command';
import { componentNames } from './components';
import type { StageConfig } from './config';
import type { DockerCli } from './docker-cli';
import { defaultBaseImage } from './new-config';
import type { StagePaths } from './paths';
import type { Survey } from './plan-up';
import { findRunning } from './process-record';

export interface SurveyInput {
  readonly paths: StagePaths;
  readonly config: StageConfig | undefined;
  readonly baseImage: string;
  readonly docker: DockerCli;
  readonly run: RunCommand;
  readonly env: NodeJS.ProcessEnv;
}

/** Looks at the machine, and changes nothing. */
export async function survey(input: SurveyInput, signal?: AbortSignal): Promise<Survey> {
  const { paths, config, docker, env } = input;
  const [engine, etcdVersion] = await Promise.all([docker.engine(signal), findEtcdVersion(input, signal)]);
  const baseImage = engine.state === 'answers' && (await docker.hasImage(input.baseImage, signal));
  return {
    root: process.getuid?.() === 0,
    systemd: existsSync('/run/systemd/system'),
    etcdVersion,
    dockerd: findProgram('dockerd', env) !== undefined,
    engine,
    remoteEngine: Boolean(env.DOCKER_HOST),
    baseImage,
    mmdebstrap: findProgram('mmdebstrap', env) !== undefined,
    ownBaseImage: input.baseImage === defaultBaseImage,
    running: runningBuilds(paths),
    engineOwner: config?.engine.owner,
  };
}

/** By component, the build that its living process was started from. */
export function runningBuilds(paths: StagePaths): Record<string, string> {
  const builds: Record<string, string> = {};
  for (const name of ['supervisor', ...componentNames]) {
    const record = findRunning(paths.run, name);
    if (record) builds[name] = record.version;
  }
  return builds;
}

async function findEtcdVersion({ run, env }: SurveyInput, signal?: AbortSignal): Promise<string | undefined> {
  const etcd = findProgram('etcd', env);
  if (!etcd) return undefined;
  const { stdout } = await run(etcd, ['--version'], { env }, signal);
  return /etcd Version: (\S+)/.exec(stdout)?.[1] ?? '0';
}
