import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { InvalidError, PreconditionError } from '../base/errors';
import { fileReason } from '../base/file-reason';
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

/** Throws PreconditionError and InvalidError. */
export function readToken(path: string): string {
  const token = textOf(path).trim();
  if (token.length < 32)
    throw new InvalidError(`the token in ${path} is too short: remove the file, then "gilliam up"`);
  return token;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new PreconditionError(
      `the token in ${path} cannot be read: ${fileReason(error)}: work as the user that started the stage; "gilliam up" makes tokens that are missing`,
      { cause: error },
    );
  }
}
