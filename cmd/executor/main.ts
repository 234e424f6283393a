import { Agent } from '../../pkg/agent/agent';
import { DockerDriver } from '../../pkg/agent/docker/docker-driver';
import { grpcConnect } from '../../pkg/agent/transport';
import { runDaemon } from '../../pkg/stage/daemon';
import { readToken } from '../../pkg/stage/tokens';

runDaemon('executor', async ({ clock, random, log, version, signal, setting }) => {
  const stage = setting('GILLIAM_STAGE');
  const token = readToken(setting('GILLIAM_TOKEN_FILE'));
  const agent = new Agent({
    driver: new DockerDriver({ clock }),
    connect: grpcConnect({ address: setting('GILLIAM_API'), token, stage }),
    clock,
    random,
    log,
    config: {
      stage,
      stageKey: setting('GILLIAM_STAGE_KEY'),
      name: setting('GILLIAM_EXECUTOR_NAME'),
      host: setting('GILLIAM_EXECUTOR_HOST'),
      portsFrom: Number(setting('GILLIAM_HOST_PORT_BASE', '10000')),
      version,
    },
  });
  await agent.run(signal);
});
