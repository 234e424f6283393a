import { spawn } from 'node:child_process';
import { closeSync, rmSync } from 'node:fs';
import type { Clock } from '../base/clock';
import { toDisposable } from '../base/disposable';
import type { Component } from './components';
import { openLog, rotateLog } from './log-files';
import type { StagePaths } from './paths';
import type { ExitRecord, ProcessRecord } from './process-record';
import { findRunning, identify, readProcessRecord, writeProcessRecord } from './process-record';
import type { Processes } from './supervisor';

/** Real processes, recorded in the stage's run directory, each with its own log file. */
export class ChildProcesses implements Processes {
  readonly #listeners = new Set<(component: string, exit: ExitRecord) => void>();

  constructor(
    private readonly paths: StagePaths,
    private readonly version: string,
    private readonly clock: Clock,
  ) {}

  find(component: string): ProcessRecord | undefined {
    return findRunning(this.paths.run, component);
  }

  start(component: Component, restarts: number): ProcessRecord {
    for (const socket of component.sockets ?? []) rmSync(socket, { force: true });
    const log = openLog(this.paths.logs, component.name);
    try {
      const child = spawn(component.command, component.args, {
        cwd: component.cwd ?? this.paths.data,
        env: component.env,
        // Its own session: no signal meant for the supervisor's terminal or group reaches it.
        detached: true,
        stdio: ['ignore', log, log],
      });
      // A command that is not there: no process, and an error event after this call has thrown.
      child.on('error', () => {});
      if (child.pid === undefined) throw new Error(`there is no program ${component.command}`);
      child.once('exit', (code, signal) => this.#tell(component.name, signal ?? `exit ${code}`));
      return this.#record(component.name, child.pid, restarts);
    } finally {
      closeSync(log);
    }
  }

  onExit(callback: (component: string, exit: ExitRecord) => void) {
    this.#listeners.add(callback);
    return toDisposable(() => this.#listeners.delete(callback));
  }

  noteExit(component: string, exit: ExitRecord): void {
    const record = readProcessRecord(this.paths.run, component);
    if (record) writeProcessRecord(this.paths.run, component, { ...record, lastExit: exit });
  }

  rotateLogs(components: readonly string[]): void {
    for (const component of ['supervisor', ...components]) rotateLog(this.paths.logs, component);
  }

  #record(component: string, pid: number, restarts: number): ProcessRecord {
    // A process that has ended already is not in /proc any more, or only as remains: its exit follows.
    const identity = identify(pid) ?? { pid, startTicks: -1, bootId: '' };
    const lastExit = readProcessRecord(this.paths.run, component)?.lastExit;
    const record = { ...identity, startedAtMs: this.clock.now(), version: this.version, restarts, lastExit };
    writeProcessRecord(this.paths.run, component, record);
    return record;
  }

  #tell(component: string, status: string): void {
    for (const listener of this.#listeners) listener(component, { atMs: this.clock.now(), status });
  }
}
