import { messageOf } from '../../base/errors';
import type { Client } from '../../client/client';
import type { LogsWanted } from '../../gen/gilliam/v1/session_service';
import type { LogBatch } from '../../resource/log-chunk';
import type { Session } from '../../resource/objects';
import { executorLogs } from '../logs/executor-logs';
import type { LogBroker } from '../logs/log-broker';
import type { ExecutorLinks } from '../session/executor-links';
import { addressOf, type ReplicaParts } from './executor-terminals';
import { NothingBegun, reach } from './reach';

export type Wanted = Omit<LogsWanted, 'stream'>;
/** Takes lines in; resolves to false when no more are wanted. */
export type TakeLines = (batch: LogBatch) => Promise<boolean>;

/**
 * Asks an executor for lines once, and brings them to `take` until it has sent all, the reader is gone or the signal
 * aborts. The answer is why there is not all, or nothing.
 */
export type ReadLogs = (
  executor: string,
  wanted: Wanted,
  take: TakeLines,
  signal: AbortSignal,
) => Promise<string>;

/** Reads the logs of any executor of the stage, whichever control plane holds its session. */
export function stageLogs(
  parts: ReplicaParts & { readonly links: ExecutorLinks; readonly broker: LogBroker },
): ReadLogs {
  const { context, links, replicas } = parts;
  const here: ReadLogs = (...asked) => executorLogs(parts, ...asked);
  return async (executor, wanted, take, signal) => {
    if (links.get(executor)) return here(executor, wanted, take, signal);
    const attempt = async (session: Session) => {
      // It has moved here meanwhile.
      if (links.get(executor)) return here(executor, wanted, take, signal);
      const address = addressOf(session, context.identity);
      return replicas.call(address, (client) => forward(client, { executor, wanted }, take, signal));
    };
    try {
      return await reach(context, executor, attempt, signal);
    } catch (error) {
      return signal.aborted ? '' : `${messageOf(error)}: its logs cannot be read now`;
    }
  };
}

/** Throws NothingBegun when no line has come yet: reading again is no reading twice. */
async function forward(
  client: Client,
  request: { readonly executor: string; readonly wanted: Wanted },
  take: TakeLines,
  signal: AbortSignal,
): Promise<string> {
  let begun = false;
  const wanted = { stream: '', ...request.wanted };
  const call = new AbortController();
  const either = AbortSignal.any([signal, call.signal]);
  try {
    const answers = client.replicas.readLogs({ executor: request.executor, wanted }, { signal: either });
    for await (const { lines, chunk, error } of answers) {
      if (error !== '') return error;
      if (lines.length === 0 && !chunk) continue;
      begun = true;
      if (!(await take({ lines, chunk }))) return '';
    }
    return '';
  } catch (error) {
    if (signal.aborted) return '';
    if (!begun) throw new NothingBegun(messageOf(error), { cause: error });
    return `the control plane that executor ${request.executor} was connected to is gone: its logs end here`;
  } finally {
    call.abort();
  }
}
