import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { route, RouterHarness, until } from './testing';

jest.setTimeout(60_000);

test('invariant 7: what is under way at a machine that is announced by its name is waited for, too', async () => {
  let finish: (() => void) | undefined;
  const upstream = createServer((_, response) => {
    // Those that come before the withdrawal is known are nobody's concern.
    if (finish) response.end('at once');
    else finish = () => response.end('done');
  });
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  const resolve = async (host: string) => (host === 'host-2.example' ? ['127.0.0.1'] : []);
  const router = new RouterHarness([route('web', 'a.com/', 'web.shop.service/')], { resolve });
  try {
    await router.start();
    const { port } = upstream.address() as AddressInfo;
    await router.registry.put('shop/web.1', { host: 'host-2.example', port, executor: 'host-2' });
    const { runtime } = router.haproxy;
    const isUnderWay = async () =>
      /^shop:web,[^,]+,0,0,1,/m.test(await runtime.ask('show stat shop:web 4 -1'));
    await until('it has an address', async () =>
      /^shop:web,/m.test(await runtime.ask('show stat shop:web 4 -1')),
    );
    const under = router.get('/', { host: 'a.com' });
    await until('the request is under way', isUnderWay);
    let confirmed = false;
    const withdrawn = router.registry.remove('shop/web.1').then(() => (confirmed = true));
    await until('nothing new is sent', async () => (await router.get('/', { host: 'a.com' })).status === 503);
    // Time enough to confirm it too early.
    for (let n = 0; n < 50; n++) await router.haproxy.workers();
    expect(confirmed).toBe(false);
    finish?.();
    expect(await under).toMatchObject({ status: 200, body: 'done' });
    await withdrawn;
  } finally {
    await router.stop();
    upstream.closeAllConnections();
    upstream.close();
  }
});
