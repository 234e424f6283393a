import { existsSync } from 'node:fs';
import { findProgram, type RunCommand } from './command';
import { componentNames } from './components';
import type { StageConfig } from './config';
import type { DockerCli } from './docker-cli';
import { defaultBaseImage } from './new-config';
import type { StagePaths } from './paths';
import type { Survey } from './plan-up';
import { findRunning } from './process-record';

/** What the machine says; what it is to be, others know. */
export type Found = Omit<Survey, 'role' | 'handsOutImages' | 'changed'>;

export interface SurveyInput {
  readonly paths: StagePaths;
  readonly config: StageConfig | undefined;
  readonly baseImage: string;
  readonly docker: DockerCli;
  readonly run: RunCommand;
  readonly env: NodeJS.ProcessEnv;
}

/** Looks at the machine, and changes nothing. */
export async function survey(input: SurveyInput, signal?: AbortSignal): Promise<Found> {
  const { paths, config, docker, env } = input;
  const [engine, etcdVersion, haproxyVersion] = await Promise.all([
    docker.engine(signal),
    versionOf('etcd', { flag: '--version', pattern: /etcd Version: (\S+)/ }, input, signal),
    versionOf('haproxy', { flag: '-v', pattern: /HA-?Proxy version (\d[^\s-]*)/i }, input, signal),
  ]);
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
    haproxyVersion,
    dockerRegistry: findProgram('docker-registry', env) !== undefined,
    nft: findProgram('nft', env) !== undefined,
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

/** Undefined when there is no such program, 0 when it does not say. */
async function versionOf(
  program: string,
  { flag, pattern }: { readonly flag: string; readonly pattern: RegExp },
  { run, env }: SurveyInput,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const path = findProgram(program, env);
  if (!path) return undefined;
  const { stdout } = await run(path, [flag], { env }, signal);
  return pattern.exec(stdout)?.[1] ?? '0';
}
