import { cpSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { root } from './cli';
import { StageHarness } from './harness';

interface Answer {
  readonly status: number;
  readonly body: string;
}

const services = ['cart', 'catalog', 'front', 'mail', 'orders', 'payments', 'recommendations', 'shipping'];

describe('the shop of the examples', () => {
  let stage: StageHarness;
  let cwd: string;
  let router: number;

  /** A client that knows nothing but a URL. */
  function ask(method: string, url: string): Promise<Answer> {
    const { hostname, pathname } = new URL(url);
    return new Promise((resolve, reject) => {
      const options = { port: router, method, path: pathname, headers: { host: hostname }, timeout: 30_000 };
      const sent = request({ host: '127.0.0.1', ...options }, (response) => {
        let body = '';
        response.on('data', (chunk: Buffer) => (body += chunk.toString()));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      });
      sent.on('timeout', () => sent.destroy(new Error(`${url} does not answer`)));
      sent.on('error', reject);
      sent.end();
    });
  }

  async function json<T>(method: string, url: string): Promise<T> {
    const { status, body } = await ask(method, url);
    if (status !== 200) throw new Error(`${method} ${url}: ${status} ${body}`);
    return JSON.parse(body) as T;
  }

  beforeAll(async () => {
    stage = await StageHarness.start({ hostPortBase: 13_300 });
    cwd = join(stage.directory, 'shop');
    mkdirSync(cwd);
    cpSync(join(root, 'examples/shop'), cwd, { recursive: true });
    await stage.git(cwd, 'init', '--quiet', '--initial-branch=main', '.');
    await stage.commit(cwd, 'a shop');
  }, 180_000);
  afterAll(() => stage?.stop());

  test('is described by one file for each of its eight services', () => {
    expect(readdirSync(cwd).filter((name) => services.includes(name))).toEqual(services);
  });

  test('--plan says what would be, and changes nothing', async () => {
    const { stdout } = await stage.succeed(['apply', '-f', '.', '--plan'], { cwd, timeoutMs: 300_000 });
    for (const name of services) expect(stdout).toContain(name);
    expect((await stage.gilliam(['ps', '--formation', 'front'], { cwd })).code).toBe(1);
  }, 320_000);

  test('one apply brings it up from nothing', async () => {
    const { stdout } = await stage.succeed(['apply', '-f', '.'], { cwd, timeoutMs: 400_000 });
    expect(stdout).toContain('http://shop.localhost:');
    router = Number(/http:\/\/shop\.localhost:(\d+)/.exec(stdout)?.[1]);
    const { status, body } = await ask('GET', 'http://shop.localhost/');
    expect([status, body.includes('Cheese')]).toEqual([200, true]);
  }, 420_000);

  test('a customer buys something: eight services, redis and postgres take part', async () => {
    await json('POST', 'http://shop.localhost/cart/ada/cheese');
    await json('POST', 'http://shop.localhost/cart/ada/pear');
    expect(await json('POST', 'http://shop.localhost/cart/ada/pear')).toEqual({ cheese: 1, pear: 2 });
    const order = await json<{ cents: number; parcel: string }>('POST', 'http://shop.localhost/orders/ada');
    expect(order).toMatchObject({ customer: 'ada', cents: 620 });
    expect(await json('GET', 'http://shop.localhost/cart/ada')).toEqual({});
    // By way of a queue that orders shares with mail.
    await stage.until('the mail is sent', async () => {
      const { stdout } = await stage.succeed(['logs', 'worker', '--formation', 'mail']);
      return stdout.includes(`to ada: 2 products for 6.2 are on their way: ${order.parcel}`);
    });
  });

  test('the same again changes nothing', async () => {
    const before = await stage.containerStarts();
    const { stdout } = await stage.succeed(['apply', '-f', '.'], { cwd, timeoutMs: 60_000 });
    expect(stdout.match(/nothing to change/g)?.length).toBe(services.length);
    expect(await stage.containerStarts()).toEqual(before);
  });

  test('what nobody asked for is not there, and comes with the first request', async () => {
    expect(await stage.lines(['ps', '--formation', 'recommendations'])).toEqual([]);
    // The real one, as its own documentation deploys it.
    const { code, stdout, stderr } = await stage.run(join(root, 'examples/autoscaler/deploy'), [], {
      env: { GILLIAM: join(root, 'bin/gilliam') },
      timeoutMs: 120_000,
    });
    expect([code, stdout + stderr]).toEqual([0, expect.stringContaining('autoscaler=1')]);
    const { status, body } = await ask('GET', 'http://api.shop.localhost/recommendations/pear');
    expect([status, (JSON.parse(body) as unknown[]).length]).toEqual([200, 2]);
    expect(await stage.lines(['ps', '--formation', 'recommendations'])).toHaveLength(1);
  }, 150_000);

  test('a canary takes its share, and goes on when it is promoted, while customers come', async () => {
    const path = join(cwd, 'payments/web.py');
    writeFileSync(path, readFileSync(path, 'utf8').replace('"VERSION", "1"', '"VERSION", "2"'));
    await stage.commit(cwd, 'payments, version 2');
    await stage.succeed(['route', 'pay.localhost', 'web.payments.service', '--formation', 'payments']);
    await stage.until('the route is taken up', async () => {
      return (await ask('GET', 'http://pay.localhost/')).status === 200;
    });
    let failed = 0;
    let stopped = false;
    const seen = new Set<string>();
    const customer = (async () => {
      while (!stopped) {
        const { status, body } = await ask('GET', 'http://pay.localhost/');
        if (status === 200) seen.add((JSON.parse(body) as { release: string }).release);
        else failed++;
      }
    })();
    try {
      await stage.succeed(['apply', '-f', '.'], { cwd, timeoutMs: 120_000 });
      const canary = await stage.lines(['ps', '--formation', 'payments']);
      expect(canary.filter((line) => / v2 state running /.test(line))).toHaveLength(1);
      await stage.until('both releases answer', async () => seen.size === 2);
      await stage.succeed(['promote', '--formation', 'payments'], { timeoutMs: 60_000 });
      const after = await stage.lines(['ps', '--formation', 'payments']);
      const running = after.flatMap((line) => / (v\d+) state running /.exec(line)?.[1] ?? []);
      expect(running).toEqual(['v2', 'v2']);
    } finally {
      stopped = true;
      await customer;
    }
    expect(failed).toBe(0);
  }, 240_000);

  test('and goes back in one command', async () => {
    await stage.succeed(['rollback', '--formation', 'payments'], { timeoutMs: 60_000 });
    // The last instances of what is left are drained then: they may still answer what is on its way.
    await stage.until('only version 1 answers', async () => {
      for (let n = 0; n < 10; n++) {
        const { version } = await json<{ version: string }>('GET', 'http://pay.localhost/');
        if (version !== '1') return false;
      }
      return true;
    });
  }, 90_000);

  test('orders does not reach the database of catalog, which nobody shares', async () => {
    const { code, stdout, stderr } = await stage.gilliam(
      ['run', '--formation', 'orders', '--', 'node', '-e', reach('_db.catalog.service', 5432)],
      { timeoutMs: 60_000 },
    );
    expect([code, `${stdout}${stderr}`]).toEqual([
      3,
      expect.stringMatching(/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT/),
    ]);
    const own = await stage.gilliam(
      ['run', '--formation', 'catalog', '--', 'node', '-e', reach('_db.catalog.service', 5432)],
      { timeoutMs: 60_000 },
    );
    expect([own.code, own.stdout]).toEqual([0, 'reached\n']);
  }, 150_000);

  test('what the database holds is there after its container is gone', async () => {
    await json('POST', 'http://shop.localhost/cart/eve/apple');
    await stage.succeed(['restart', '_cache', '--formation', 'cart'], { timeoutMs: 60_000 });
    await stage.until('the cart is there', async () => {
      const { status, body } = await ask('GET', 'http://shop.localhost/cart/eve');
      return status === 200 && body === '{"apple":1}';
    });
  }, 120_000);
});

/** A program that says whether it reached a port. */
function reach(host: string, port: number): string {
  return `const s = require('net').connect({ host: '${host}', port: ${port}, timeout: 4000 });
s.on('connect', () => { console.log('reached'); process.exit(0); });
s.on('error', (e) => { console.log(e.code); process.exit(3); });
s.on('timeout', () => { console.log('ETIMEDOUT'); process.exit(3); });`;
}
