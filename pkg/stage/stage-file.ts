import { readFileSync, rmSync } from 'node:fs';
import { InvalidError, NotFoundError } from '../base/errors';
import { fileReason } from '../base/file-reason';
import { readConfig } from './config';
import { defaultStage, stageFilePath, stagePaths } from './paths';
import type { RouterPorts } from './ports';
import { writePrivateFile } from './private-file';

/** What a client needs to talk to a stage. */
export interface StageFile {
  readonly stage: string;
  /** `host:port` of the API. */
  readonly api: string;
  /** Sent as a bearer token. */
  readonly token: string;
  /** The PEM certificates to trust; absent for a stage without TLS. */
  readonly ca?: string;
  /** Where routes are answered; absent where that is not known. */
  readonly router?: RouterPorts;
}

/** Throws NotFoundError when there is no such stage here, InvalidError when its file is not one. */
export function readStageFile(stage: string, env: NodeJS.ProcessEnv): StageFile {
  const path = stageFilePath(stage, env);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw unreadable(path, error);
    throw new NotFoundError(whyUnknown(stage, path, env), { cause: error });
  }
  return parseStageFile(text, path);
}

function whyUnknown(stage: string, path: string, env: NodeJS.ProcessEnv): string {
  if (hasJoined(stage, env)) {
    return `this machine is an executor of stage "${stage}", and has no token for people: work from the stage's home, or copy its file ${path} here`;
  }
  const up = stage === defaultStage ? 'gilliam up' : `gilliam up --stage ${stage}`;
  return `no stage "${stage}" is known here: start one with "${up}", or put the file of an existing one at ${path}`;
}

function hasJoined(stage: string, env: NodeJS.ProcessEnv): boolean {
  try {
    return readConfig(stagePaths(stage, env).config)?.role === 'executor';
  } catch {
    // It may be another user's.
    return false;
  }
}

/** Makes or replaces the file in one step, readable by its owner only. */
export function writeStageFile(file: StageFile, env: NodeJS.ProcessEnv): string {
  const path = stageFilePath(file.stage, env);
  writePrivateFile(path, `${JSON.stringify(file, null, 2)}\n`);
  return path;
}

export function removeStageFile(stage: string, env: NodeJS.ProcessEnv): void {
  rmSync(stageFilePath(stage, env), { force: true });
}

function parseStageFile(text: string, path: string): StageFile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw unreadable(path, error);
  }
  const { stage, api, token, ca, router } = (value ?? {}) as Record<string, unknown>;
  if (typeof stage !== 'string' || typeof api !== 'string' || typeof token !== 'string') {
    throw unreadable(path, new Error('stage, api and token must be strings'));
  }
  if (ca !== undefined && typeof ca !== 'string') throw unreadable(path, new Error('ca must be a string'));
  return { stage, api, token, ca, router: parseRouterPorts(router, path) };
}

function parseRouterPorts(value: unknown, path: string): RouterPorts | undefined {
  if (value === undefined) return undefined;
  const { http, https } = (value ?? {}) as Record<string, unknown>;
  if (typeof http === 'number' && typeof https === 'number') return { http, https };
  throw unreadable(path, new Error('router must be {"http": PORT, "https": PORT}'));
}

function unreadable(path: string, cause: unknown): InvalidError {
  return new InvalidError(
    `the stage file ${path} cannot be read (${fileReason(cause)}): mend it, or run "gilliam up" again`,
    [],
    {
      cause,
    },
  );
}
