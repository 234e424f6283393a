import { HostsHarness } from './hosts';

describe('two hosts', () => {
  let hosts: HostsHarness;
  let cwd: string;

  beforeAll(async () => {
    hosts = await HostsHarness.start({ daemons: ['executor'] });
    cwd = await hosts.app('shop', {
      Procfile: 'web: python3 -m http.server $PORT\n',
      Dockerfile:
        'FROM gilliam/base:bookworm\nRUN apt-get update && apt-get install -y --no-install-recommends redis-server\n',
    });
    await hosts.succeed(['create', 'shop'], { cwd });
    await hosts.deploy(cwd);
  });
  afterAll(() => hosts?.stop());

  test('instances are spread over them', async () => {
    await hosts.succeed(['scale', 'web=4', '--wait'], { cwd });
    for (const host of hosts.hosts) expect(await host.containers('web')).toHaveLength(2);
  });
});
