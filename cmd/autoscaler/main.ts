import { Autoscaler } from '../../pkg/autoscaler/autoscaler';
import { connect } from '../../pkg/client/client';
import { runDaemon } from '../../pkg/stage/daemon';

runDaemon('autoscaler', async ({ clock, log, signal, setting }) => {
  const client = connect({
    address: setting('GILLIAM_API'),
    token: setting('API_TOKEN'),
    user: 'autoscaler',
  });
  const downWindowMs = Number(setting('DOWN_WINDOW_MS', '120000'));
  await new Autoscaler({ client, clock, log, pace: { downWindowMs } }).run(signal);
  client.close();
});
