import { PreconditionError } from '../base/errors';
import { componentsOfRole } from './components';
import type { StageConfig } from './config';
import { lastFatal, logPath, logTail } from './log-files';
import type { StagePaths } from './paths';
import { type Connect, type Health, healthNames, probe } from './probe';
import { findRunning, readProcessRecord } from './process-record';

/** Ends before they are answered with giving up: the control plane may well end once or twice before etcd is there. */
const patience = 4;

/**
 * How the stage's parts do. Throws PreconditionError when waiting for them is in vain: a component ends again and
 * again.
 */
export async function stageHealthOf(
  config: StageConfig,
  { paths, token, connect }: { paths: StagePaths; token: string; connect: Connect },
  signal: AbortSignal,
): Promise<Health> {
  for (const name of componentsOfRole[config.role]) giveUpOn(name, paths);
  return probe({ config, paths }, token, connect, signal);
}

/** What keeps the stage from being ready; undefined when nothing does. */
export function firstIll(health: Health): string | undefined {
  for (const name of healthNames) {
    const part = health[name];
    if (part && !part.healthy) return `${name}: ${part.message || 'not healthy'}`;
  }
  return undefined;
}

/** What healthy parts have to do without. */
export function remarksOf(health: Health): string[] {
  return healthNames.flatMap((name) => {
    const { healthy = false, message = '' } = health[name] ?? {};
    return healthy && message !== '' ? [`${name}: ${message}`] : [];
  });
}

function giveUpOn(name: string, paths: StagePaths): void {
  const record = readProcessRecord(paths.run, name);
  if (!record?.lastExit || record.restarts < patience || findRunning(paths.run, name)) return;
  const why =
    lastFatal(logTail(paths.logs, name)) ?? `it ends with ${record.lastExit.status ?? 'an unknown status'}`;
  throw new PreconditionError(`${name} does not stay up: ${why} (log: ${logPath(paths.logs, name)})`);
}
