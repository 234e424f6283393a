import { InvalidError, NotFoundError, messageOf } from '../../base/errors';
import type {
  OpenTerminalRequest,
  OpenTerminalResponse,
  ReadLogsResponse,
  ReplicaServiceService,
} from '../../gen/gilliam/v1/replica_service';
import type { ApiContext } from '../api-context';
import type { Handlers } from '../call';
import type { TerminalBroker } from '../exec/terminal-broker';
import type { TerminalRelay } from '../exec/terminal-relay';
import { executorLogs } from '../logs/executor-logs';
import { LineQueue } from '../logs/line-queue';
import type { LogBroker } from '../logs/log-broker';
import type { ExecutorLinks } from '../session/executor-links';

interface Parts {
  readonly context: ApiContext;
  readonly links: ExecutorLinks;
  readonly logs: LogBroker;
  readonly terminals: TerminalBroker;
}

/** What other control planes ask for: of executors whose sessions are held here, and of no others. */
export function replicaHandlers({ context, links, logs, terminals }: Parts): Handlers<ReplicaServiceService> {
  const requireHeld = (executor: string) => {
    if (links.get(executor)) return;
    throw new NotFoundError(`control plane ${context.identity} holds no session of executor ${executor}`);
  };
  return {
    async *openTerminal(requests, call) {
      const iterator = requests[Symbol.asyncIterator]();
      const first = await read(iterator);
      if (first?.$case !== 'executor') throw new InvalidError('the first message has to be executor');
      requireHeld(first.value);
      yield { error: '' } satisfies OpenTerminalResponse;
      const second = await read(iterator);
      if (second?.$case !== 'wanted') throw new InvalidError('the second message has to be wanted');
      const { command, uid, tty, size } = second.value;
      const relay = terminals.open(first.value, { command, uid, tty, size });
      try {
        // A caller that breaks off, or the rules, is gone.
        void passInput(iterator, relay).catch(() => relay.leave());
        for await (const output of relay.output.take(call.signal)) yield { output, error: '' };
      } catch (error) {
        // Told, not thrown: that it is the executor that is gone, and not this control plane.
        if (call.signal.aborted) throw error;
        yield { error: messageOf(error) };
      } finally {
        relay.leave();
      }
    },

    async *readLogs({ executor, wanted }, call) {
      requireHeld(executor);
      if (!wanted) throw new InvalidError('wanted is missing: say which lines');
      yield { lines: [], error: '' } satisfies ReadLogsResponse;
      const queue = new LineQueue();
      const parts = { context, links, broker: logs };
      const reading = executorLogs(
        parts,
        executor,
        wanted,
        (batch) => queue.push(batch),
        call.signal,
      ).finally(() => queue.close());
      reading.catch(() => {});
      try {
        for await (const { lines, chunk } of queue.read(call.signal)) {
          yield { lines: [...lines], chunk, error: '' };
        }
        const error = await reading;
        if (error !== '') yield { lines: [], error };
      } finally {
        queue.close();
      }
    },
  };
}

/** The next message; undefined at the end. */
async function read(
  requests: AsyncIterator<OpenTerminalRequest>,
): Promise<OpenTerminalRequest['message'] | undefined> {
  const next = await requests.next();
  return next.done ? undefined : next.value.message;
}

async function passInput(requests: AsyncIterator<OpenTerminalRequest>, relay: TerminalRelay): Promise<void> {
  for (let next = await requests.next(); !next.done; next = await requests.next()) {
    const { message } = next.value;
    if (message?.$case !== 'input') throw new InvalidError('after wanted comes input only');
    if (!(await relay.input.put(message.value))) return;
  }
}
