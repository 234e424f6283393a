import { existsSync, readFileSync } from 'node:fs';
import type { StageConfig } from './config';
import type { StagePaths } from './paths';

/** By what the stage's API is known here, in PEM; undefined where it speaks no TLS, or has no certificate yet. */
export function readCa({ address }: StageConfig, { tls }: StagePaths): string | undefined {
  return address !== undefined && existsSync(tls.ca) ? readFileSync(tls.ca, 'utf8') : undefined;
}
