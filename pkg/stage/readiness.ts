import { PreconditionError } from '../base/errors';
import { componentNames } from './components';
import type { StageConfig } from './config';
import { lastFatal, logPath, logTail } from './log-files';
import type { StagePaths } from './paths';
import { type Connect, type Health, probe } from './probe';
import { findRunning, readProcessRecord } from './process-record';

/** Ends before they are answered with giving up: the control plane may well end once or twice before etcd is there. */
const patience = 4;

/**
 * What keeps the stage from being ready; undefined when nothing does. Throws PreconditionError when waiting is in
 * vain: a component ends again and again.
 */
export async function whyNotReady(
  config: StageConfig,
  { paths, token, connect }: { paths: StagePaths; token: string; connect: Connect },
  signal: AbortSignal,
): Promise<string | undefined> {
  for (const name of componentNames) giveUpOn(name, paths);
  return firstIll(await probe({ config, paths }, token, connect, signal));
}

export function firstIll(health: Health): string | undefined {
  for (const name of ['etcd', 'controlplane', 'executor'] as const) {
    if (!health[name].healthy) return `${name}: ${health[name].message || 'not healthy'}`;
  }
  return undefined;
}

function giveUpOn(name: string, paths: StagePaths): void {
  const record = readProcessRecord(paths.run, name);
  if (!record?.lastExit || record.restarts < patience || findRunning(paths.run, name)) return;
  const why =
    lastFatal(logTail(paths.logs, name)) ?? `it ends with ${record.lastExit.status ?? 'an unknown status'}`;
  throw new PreconditionError(`${name} does not stay up: ${why} (log: ${logPath(paths.logs, name)})`);
}
