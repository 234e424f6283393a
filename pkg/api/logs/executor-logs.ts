import type { LogsWanted } from '../../gen/gilliam/v1/session_service';
import type { LogBatch } from '../../resource/log-chunk';
import type { ApiContext } from '../api-context';
import { Pulse } from '../pulse';
import type { ExecutorLinks } from '../session/executor-links';
import type { LogBroker, LogPipe } from './log-broker';

interface Parts {
  readonly context: ApiContext;
  readonly links: ExecutorLinks;
  readonly broker: LogBroker;
}

/**
 * Asks an executor for lines once, and brings them to `take` until it has sent all, the reader is gone or the signal
 * aborts. The answer is why there is not all, or nothing.
 */
export async function executorLogs(
  { context, links, broker }: Parts,
  executor: string,
  wanted: Omit<LogsWanted, 'stream'>,
  take: (batch: LogBatch) => Promise<boolean>,
  signal: AbortSignal,
): Promise<string> {
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
    push: async (batch) => {
      begun = true;
      return !over && (await take(batch));
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
    if (!link.outbox.wantLogs({ ...wanted, stream, packed: true })) {
      return `executor ${executor} is asked for too many logs at a time`;
    }
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
