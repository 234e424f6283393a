import type { Clock } from '../base/clock';
import { sleep } from '../base/clock';
import { UnavailableError } from '../base/errors';
import type { HaproxyProcess } from './haproxy-process';

/** A server of a backend. */
export interface ServerRef {
  readonly backend: string;
  readonly server: string;
}

export interface DrainsOptions {
  readonly haproxy: Pick<HaproxyProcess, 'workers' | 'askWorker' | 'runtime' | 'pid'>;
  readonly clock: Clock;
  /** What is under way for longer is not waited for. */
  readonly patienceMs: number;
}

const firstPollMs = 5;
const slowestPollMs = 250;

/** Waits until nothing is under way at servers, in any worker: those of before a reload have connections too. */
export class Drains {
  constructor(private readonly options: DrainsOptions) {}

  /** Resolves once all are quiet, or the patience is over. They must be retired in the current worker already. */
  async quiet(servers: readonly ServerRef[], signal?: AbortSignal): Promise<void> {
    const { clock, patienceMs, haproxy } = this.options;
    if (servers.length === 0) return;
    const end = clock.monotonic() + patienceMs;
    const told = new Set<number>();
    let quietBefore = false;
    for (let pollMs = firstPollMs; clock.monotonic() < end; pollMs = Math.min(slowestPollMs, pollMs * 1.5)) {
      // Without HAProxy nothing is under way.
      if (haproxy.pid() === undefined) return;
      const busy = await this.#busy(servers, told).catch((error: unknown) => {
        // Its master is being replaced: a reload.
        if (error instanceof UnavailableError) return true;
        throw error;
      });
      // A request that has just been given a server is counted an instant later: hence twice.
      if (!busy && quietBefore) return;
      quietBefore = !busy;
      await sleep(clock, busy ? pollMs : firstPollMs, signal);
    }
  }

  async #busy(servers: readonly ServerRef[], told: Set<number>): Promise<boolean> {
    const { haproxy } = this.options;
    const { current, old } = await haproxy.workers();
    for (const pid of old) {
      if (told.has(pid)) continue;
      for (const { backend, server } of servers) {
        await this.#askOld(pid, `set server ${backend}/${server} state maint`);
      }
      told.add(pid);
    }
    const backends = [...new Set(servers.map(({ backend }) => backend))];
    const commands = backends.map((backend) => `show stat ${backend} 4 -1`);
    const answers = current === undefined ? [] : await haproxy.runtime.send(commands);
    for (const pid of old) {
      for (const command of commands) answers.push(await this.#askOld(pid, command));
    }
    const sessions = answers.flatMap(parseSessions);
    return sessions.some(
      (one) =>
        one.count > 0 &&
        servers.some(({ backend, server }) => backend === one.backend && server === one.server),
    );
  }

  /** An old worker ends when its last connection does: then it has none. One that is there and silent may have some. */
  async #askOld(pid: number, command: string): Promise<string> {
    const { haproxy } = this.options;
    try {
      return await haproxy.askWorker(pid, command);
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error;
      // It is asked by the master, which a reload replaces.
      if ((await haproxy.workers()).old.includes(pid)) throw error;
      return '';
    }
  }
}

interface Sessions extends ServerRef {
  /** Being served, and waiting for it. */
  readonly count: number;
}

/** Reads what is answered to `show stat`. */
export function parseSessions(csv: string): Sessions[] {
  return csv.split('\n').flatMap((line) => {
    const [backend, server, queued, , sessions] = line.split(',');
    if (!backend || !server || backend.startsWith('#') || sessions === undefined) return [];
    return [{ backend, server, count: Number(queued || 0) + Number(sessions || 0) }];
  });
}
