import type { Clock } from '../base/clock';
import type { RunCommand } from './command';
import type { DockerCli } from './docker-cli';
import type { StagePaths } from './paths';
import type { Connect } from './probe';

/** One thing that `up` or `down` does, in order. */
export interface Step {
  /** What it does, in the imperative: `start the stage`. */
  readonly title: string;
  /** Tells of its progress, line by line. Resolves to what came of it, if that is worth a word. */
  run(report: (line: string) => void, signal: AbortSignal): Promise<string | undefined>;
}

/** What up, down and status take from the world. */
export interface StageContext {
  readonly paths: StagePaths;
  readonly packageRoot: string;
  /** Gilliam's own version. */
  readonly version: string;
  readonly env: NodeJS.ProcessEnv;
  readonly clock: Clock;
  readonly run: RunCommand;
  readonly docker: DockerCli;
  readonly connect: Connect;
}
