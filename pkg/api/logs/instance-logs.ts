import { sleep } from '../../base/clock';
import { InstanceState } from '../../gen/gilliam/v1/instance';
import { LogLine_Stream, type LogLine } from '../../gen/gilliam/v1/log_service';
import { LogsWanted } from '../../gen/gilliam/v1/session_service';
import { isFinished, shortName } from '../../resource/instance';
import { lastMoment, unpack, type LogBatch } from '../../resource/log-chunk';
import { instances, type Instance } from '../../resource/objects';
import type { ApiContext } from '../api-context';
import type { ReadLogs } from '../replicas/stage-logs';
import type { LineQueue } from './line-queue';

export interface LogsOptions {
  readonly follow: boolean;
  readonly tailLines?: number;
  readonly since?: Date;
  readonly until?: Date;
  readonly contains: string;
  /** Also what its containers printed that are gone. */
  readonly withHistory: boolean;
}

interface Parts {
  readonly context: ApiContext;
  readonly read: ReadLogs;
  readonly queue: LineQueue;
}

// Between two tries to follow an instance whose stream ended: a restart of its container or its executor.
const againMs = 1_000;

/** Brings the lines of one instance to the queue, asking its executor as often as it takes. */
export class InstanceLogs {
  /** The time of the last line, and how many lines had that time: where to go on. */
  #lastTime: number | undefined;
  #countAtLastTime = 0;
  #skip = 0;
  readonly #told = new Set<string>();

  constructor(
    private readonly parts: Parts,
    private readonly instance: Instance,
    private readonly options: LogsOptions,
  ) {}

  /** Ends when there is no more to come, the reader is gone, or the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    for (;;) {
      const problem = await this.#once(signal);
      if (signal.aborted) return;
      if (problem !== '') await this.#tell(problem);
      if (!this.options.follow || this.#isFinished()) return;
      await sleep(this.parts.context.clock, againMs, signal).catch(() => {});
    }
  }

  /** Asks the executor once; the answer is why there is not all, or nothing. */
  #once(signal: AbortSignal): Promise<string> {
    const take = (batch: LogBatch) => this.parts.queue.push(this.#labelled(batch));
    return this.parts.read(this.instance.spec.executor, this.#wanted(), take, signal);
  }

  #wanted(): LogsWanted {
    const { follow, tailLines, since, until, contains, withHistory } = this.options;
    const { uid, formation } = this.instance.metadata;
    this.#skip = this.#countAtLastTime;
    const again = this.#lastTime !== undefined;
    return LogsWanted.fromPartial({
      ...{ uid, follow, until, contains },
      // What its containers printed that are gone is asked for once, and by one of the two ways only.
      formation: withHistory && !again ? formation : '',
      ...(again ? { since: new Date(this.#lastTime as number) } : { tailLines, since }),
    });
  }

  #labelled({ lines, chunk }: LogBatch): LogBatch {
    if (!chunk) return { lines: this.#label(lines) };
    // It may have lines that the reader has already.
    if (this.#skip > 0) return { lines: this.#label(unpack(chunk)) };
    const { timeMs, count } = lastMoment(chunk);
    const goesOn = timeMs === this.#lastTime && count === chunk.lengths.length;
    this.#countAtLastTime = goesOn ? this.#countAtLastTime + count : count;
    this.#lastTime = timeMs;
    const { release } = this.instance.spec;
    return { lines: [], chunk: { ...chunk, instance: shortName(this.instance), release } };
  }

  /** The lines as the reader gets them, without those that it has already. */
  #label(lines: readonly LogLine[]): LogLine[] {
    const labelled: LogLine[] = [];
    const instance = shortName(this.instance);
    const { release } = this.instance.spec;
    for (const line of lines) {
      const time = line.time?.getTime() ?? 0;
      if (this.#skip > 0 && time === this.#lastTime) {
        this.#skip--;
        continue;
      }
      this.#skip = 0;
      this.#countAtLastTime = time === this.#lastTime ? this.#countAtLastTime + 1 : 1;
      this.#lastTime = time;
      const right = line.instance === instance && line.release === release;
      labelled.push(right ? line : { ...line, instance, release });
    }
    return labelled;
  }

  /** Says what is missing where the lines would be; the same only once, and not of what has no container any more or yet. */
  async #tell(problem: string): Promise<void> {
    const state = this.#now()?.status.state ?? InstanceState.STOPPED;
    if (this.#told.has(problem) || isFinished(state) || state === InstanceState.STARTING) return;
    this.#told.add(problem);
    const line: LogLine = {
      instance: shortName(this.instance),
      release: this.instance.spec.release,
      stream: LogLine_Stream.STDERR,
      time: undefined,
      line: Buffer.from(`gilliam: ${problem}`),
    };
    await this.parts.queue.push({ lines: [line] });
  }

  #isFinished(): boolean {
    const now = this.#now();
    return !now || isFinished(now.status.state);
  }

  #now(): Instance | undefined {
    const { formation, name, uid } = this.instance.metadata;
    const found = this.parts.context.caches.of(instances).get({ formation, name });
    return found?.metadata.uid === uid ? found : undefined;
  }
}
