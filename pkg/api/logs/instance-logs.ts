import { sleep } from '../../base/clock';
import { InstanceState } from '../../gen/gilliam/v1/instance';
import { LogLine_Stream, type LogLine } from '../../gen/gilliam/v1/log_service';
import { LogsWanted } from '../../gen/gilliam/v1/session_service';
import { isFinished, shortName } from '../../resource/instance';
import { instances, type Instance } from '../../resource/objects';
import type { ApiContext } from '../api-context';
import { Pulse } from '../pulse';
import type { ExecutorLinks } from '../session/executor-links';
import type { LineQueue } from './line-queue';
import type { LogBroker, LogPipe } from './log-broker';

export interface LogsOptions {
  readonly follow: boolean;
  readonly tailLines?: number;
  readonly since?: Date;
}

interface Parts {
  readonly context: ApiContext;
  readonly links: ExecutorLinks;
  readonly broker: LogBroker;
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
  async #once(signal: AbortSignal): Promise<string> {
    const { context, links, broker, queue } = this.parts;
    const { executor } = this.instance.spec;
    const link = links.get(executor);
    if (!link) return `executor ${executor} is not connected: its logs cannot be read now`;
    const stream = context.random.uuid();
    const done = new Pulse();
    const left = new AbortController();
    let begun = false;
    let over = false;
    let problem = '';
    const finish = (why: string) => {
      problem ||= why;
      over = true;
      done.beat();
    };
    const pipe: LogPipe = {
      push: async (lines) => {
        begun = true;
        return !over && (await queue.push(this.#label(lines)));
      },
      end: finish,
      left: left.signal,
    };
    const timer = context.clock.after(context.limits.logsWithinMs, () => {
      if (!begun) finish(`executor ${executor} does not send logs: is it overloaded?`);
    });
    // Its session is over: it will not answer. What it has begun to send comes by a call of its own.
    const onSessionOver = () => {
      if (!begun) finish(`executor ${executor} has just disconnected: its logs cannot be read now`);
    };
    link.session.over.addEventListener('abort', onSessionOver, { once: true });
    broker.expect(stream, pipe);
    try {
      if (!link.outbox.wantLogs(this.#wanted(stream)))
        return `executor ${executor} is asked for too many logs at a time`;
      while (!over && !signal.aborted) await done.next(signal);
      return problem;
    } finally {
      over = true;
      left.abort();
      timer.dispose();
      link.session.over.removeEventListener('abort', onSessionOver);
      broker.forget(stream);
    }
  }

  #wanted(stream: string): LogsWanted {
    const { follow, tailLines, since } = this.options;
    const uid = this.instance.metadata.uid;
    this.#skip = this.#countAtLastTime;
    if (this.#lastTime === undefined)
      return LogsWanted.fromPartial({ stream, uid, follow, tailLines, since });
    return LogsWanted.fromPartial({ stream, uid, follow, since: new Date(this.#lastTime) });
  }

  /** The lines as the reader gets them, without those that it has already. */
  #label(lines: readonly LogLine[]): LogLine[] {
    const labelled: LogLine[] = [];
    for (const line of lines) {
      const time = line.time?.getTime() ?? 0;
      if (this.#skip > 0 && time === this.#lastTime) {
        this.#skip--;
        continue;
      }
      this.#skip = 0;
      this.#countAtLastTime = time === this.#lastTime ? this.#countAtLastTime + 1 : 1;
      this.#lastTime = time;
      labelled.push({ ...line, instance: shortName(this.instance), release: this.instance.spec.release });
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
      time: new Date(this.parts.context.clock.now()),
      line: Buffer.from(`gilliam: ${problem}`),
    };
    await this.parts.queue.push([line]);
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
