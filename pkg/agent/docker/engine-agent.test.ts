import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { EngineAgent } from './engine-agent';

test('says one word of itself, however many sockets it holds', async () => {
  const agent = new EngineAgent();
  const server = createServer((_, response) => response.end()).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve, reject) => {
    request({ host: '127.0.0.1', port, agent }, (response) => response.resume().on('end', resolve))
      .on('error', reject)
      .end();
  });
  // As docker-modem does.
  expect(inspect({ agent }, { showHidden: true, depth: null })).toBe('{ agent: EngineAgent }');
  agent.destroy();
  server.close();
});
