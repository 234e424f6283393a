import { Autoscaler } from '../../pkg/autoscaler/autoscaler';
import { SystemClock } from '../../pkg/base/clock';
import { messageOf } from '../../pkg/base/errors';
import { connect } from '../../pkg/client/client';
import { pinoLogger } from '../../pkg/stage/pino-logger';

// Not a daemon of the stage's: it is deployed as any formation is, and has nothing of the package beside it.
const { GILLIAM_API: address, API_TOKEN: token, DOWN_WINDOW_MS: downWindow = '120000' } = process.env;
const log = pinoLogger(process.env.LOG_LEVEL ?? 'info', { component: 'autoscaler' });
const ended = new AbortController();
for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => ended.abort(new Error(name)));

async function main(): Promise<void> {
  if (!address || !token)
    throw new Error('GILLIAM_API and API_TOKEN are to be given: gilliam config API_TOKEN=…');
  const client = connect({ address, token, user: 'autoscaler' });
  const pace = { downWindowMs: Number(downWindow) };
  log.info('started', { api: address, ...pace });
  await new Autoscaler({ client, clock: new SystemClock(), log, pace }).run(ended.signal);
  client.close();
}

main().catch((error: unknown) => {
  log.error('cannot go on', { error: messageOf(error) });
  process.exitCode = 1;
});
