import { existsSync, readdirSync } from 'node:fs';
import { suggestion } from '../resource/suggest';
import { dataHome, defaultStage } from './paths';

/** The stages that something is kept of on this machine, up or not. */
export function ownStages(env: NodeJS.ProcessEnv): readonly string[] {
  const home = dataHome(env);
  return existsSync(home) ? readdirSync(home) : [];
}

/** That there is no such stage here, and which was meant, or how to have one. */
export function noSuchStage(stage: string, env: NodeJS.ProcessEnv): string {
  const others = ownStages(env);
  const up = stage === defaultStage ? 'gilliam up' : `gilliam up --stage ${stage}`;
  return `there is no stage ${JSON.stringify(stage)} on this machine: ${others.length > 0 ? suggestion(stage, others) : up}`;
}
