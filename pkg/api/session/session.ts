import { InvalidError, NotFoundError } from '../../base/errors';
import type { ConnectRequest, Hello, SessionServiceService } from '../../gen/gilliam/v1/session_service';
import { validateExecutor } from '../../resource/validate-executor';
import type { Handlers } from '../call';
import { attach } from '../exec/attach';
import type { TerminalBroker } from '../exec/terminal-broker';
import type { LogBroker } from '../logs/log-broker';
import type { ExecutorLinks } from './executor-links';

export function sessionHandlers(
  links: ExecutorLinks,
  broker: LogBroker,
  terminals: TerminalBroker,
): Handlers<SessionServiceService> {
  return {
    async *connect(requests, call) {
      const iterator = requests[Symbol.asyncIterator]();
      const hello = await readHello(iterator);
      validateExecutor(hello);
      yield* links.serve(hello, iterator, call.signal);
    },

    attach: (requests, call) => attach(terminals, requests, call),

    async sendLogs(requests, call) {
      const iterator = requests[Symbol.asyncIterator]();
      const first = await iterator.next();
      const stream = first.done ? '' : first.value.stream;
      const pipe = broker.connect(stream);
      if (!pipe) throw new NotFoundError('nobody reads this log stream: it was never asked for, or is over');
      let error = 'the connection to its executor was lost';
      try {
        for (let next = first; ;) {
          if (next.done) {
            if (!call.signal.aborted) error = '';
            break;
          }
          // The reader is gone: the answer tells the executor to stop.
          if (!(await pipe.push(next.value))) break;
          if (next.value.error !== '') {
            error = next.value.error;
            break;
          }
          const following = await nextUnless(pipe.left, iterator);
          if (!following) break;
          next = following;
        }
      } finally {
        pipe.end(error);
      }
      return {};
    },
  };
}

async function readHello(requests: AsyncIterator<ConnectRequest>): Promise<Hello> {
  const first = await requests.next();
  const message = first.done ? undefined : first.value.message;
  if (message?.$case === 'hello') return message.value;
  throw new InvalidError('the first message of a session has to be hello');
}

/** What the iterator gives next; undefined when the signal aborts before. */
function nextUnless<T>(
  signal: AbortSignal,
  iterator: AsyncIterator<T>,
): Promise<IteratorResult<T> | undefined> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return resolve(undefined);
    const onAbort = () => resolve(undefined);
    signal.addEventListener('abort', onAbort, { once: true });
    const settled = () => signal.removeEventListener('abort', onAbort);
    void iterator.next().then(resolve, reject).finally(settled);
  });
}
