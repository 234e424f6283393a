import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { InvalidError } from '../base/errors';
import type { StagePaths } from './paths';
import { writePrivateFile } from './private-file';

export interface StageTokens {
  /** For people: everything. */
  readonly user: string;
  /** For executors: their session only. */
  readonly executor: string;
}

/** The stage's tokens; made the first time, readable by their owner only. */
export function ensureTokens(paths: StagePaths): StageTokens {
  return { user: ensureToken(paths.userToken), executor: ensureToken(paths.executorToken) };
}

function ensureToken(path: string): string {
  if (!existsSync(path)) writePrivateFile(path, `${randomBytes(32).toString('base64url')}\n`);
  return readToken(path);
}

export function readToken(path: string): string {
  const token = readFileSync(path, 'utf8').trim();
  if (token.length < 32)
    throw new InvalidError(`the token in ${path} is too short: remove the file, then "gilliam up"`);
  return token;
}
