import { spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { join } from 'node:path';
import { UnavailableError } from '../base/errors';
import { logPath, openLog } from './log-files';
import { findRunning, identify, writeProcessRecord } from './process-record';
import type { StageContext } from './step';

/** Starts the stage's supervisor, unless it runs; what came of it, for people. It outlives its starter. */
export function startSupervisor(
  { paths, packageRoot, env, clock }: Pick<StageContext, 'paths' | 'packageRoot' | 'env' | 'clock'>,
  build: string,
): string {
  const running = findRunning(paths.run, 'supervisor');
  if (running) return `it runs, pid ${running.pid}`;
  const log = openLog(paths.logs, 'supervisor');
  try {
    const program = join(packageRoot, 'dist/cmd/supervisor.js');
    const child = spawn(process.execPath, [program, paths.data, build], {
      cwd: paths.data,
      // More certificates cost memory, and none of Gilliam's own connections need them.
      env: { ...env, NODE_EXTRA_CA_CERTS: undefined },
      detached: true,
      stdio: ['ignore', log, log],
    });
    const identity = child.pid === undefined ? undefined : identify(child.pid);
    if (!identity)
      throw new UnavailableError(`the supervisor does not start: see ${logPath(paths.logs, 'supervisor')}`);
    child.unref();
    const record = { ...identity, startedAtMs: clock.now(), version: build, restarts: 0 };
    writeProcessRecord(paths.run, 'supervisor', record);
    return `pid ${identity.pid}`;
  } finally {
    closeSync(log);
  }
}
