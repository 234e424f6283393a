import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { runInNewContext } from 'node:vm';
import { EngineAgent } from './engine-agent';

// What is guarded against is work without an end inside one call, where no deadline of the test runner's is heard.
const limitMs = 2_000;

test('says one word of itself, however many sockets it holds', async () => {
  const agent = new EngineAgent();
  const server = createServer((_, response) => response.end()).listen(0, '127.0.0.1');
  try {
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise<void>((resolve, reject) => {
      request({ host: '127.0.0.1', port, agent }, (response) => response.resume().on('end', resolve))
        .on('error', reject)
        .end();
    });
    // As docker-modem does.
    const show = () => inspect({ agent }, { showHidden: true, depth: null });
    expect(runInNewContext('show()', { show }, { timeout: limitMs })).toBe('{ agent: EngineAgent }');
  } finally {
    agent.destroy();
    server.close();
  }
});
