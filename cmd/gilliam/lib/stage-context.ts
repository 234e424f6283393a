import { runCommand } from '../../../pkg/stage/command';
import { DockerCli } from '../../../pkg/stage/docker-cli';
import { packageRoot } from '../../../pkg/stage/package-root';
import { stagePaths } from '../../../pkg/stage/paths';
import type { StageContext } from '../../../pkg/stage/step';
import type { Context } from '../context';

/** What up, down and status take from the world, of what every command has. */
export function stageContext(stage: string, context: Context): StageContext {
  const { env, clock, version } = context;
  return {
    paths: stagePaths(stage, env),
    packageRoot: packageRoot(),
    version,
    env,
    clock,
    run: runCommand,
    docker: new DockerCli(runCommand, env),
    connect: (options) => context.connect(options),
  };
}
