// Constant load until its standard input ends; then prints how it went: {requests, releases, failures, slowestMs}.
//   node load.js '{"url": "http://web.shop.service/", "proxied": true, "headers": {}, "perConnection": 20, "workers": 4}'
// `proxied` goes through the proxy of HTTP_PROXY, as all HTTP clients do that honour it.
const { Agent, request } = require('node:http');

const {
  url,
  proxied,
  headers = {},
  perConnection = 20,
  workers = 4,
  pauseMs = 5,
} = JSON.parse(process.argv[2]);
const timeoutMs = 15_000;
const kinds = [
  { method: 'GET', path: '' },
  { method: 'POST', path: '', body: 'x'.repeat(1_000) },
  { method: 'GET', path: '?delay=20' },
  { method: 'POST', path: '', body: 'y' },
];

const result = { requests: 0, releases: {}, failures: [], failed: 0, slowestMs: 0 };
let stopping = false;

/** Where to connect, and what to write into the request line. */
function targetOf(path) {
  const target = new URL(path, url);
  if (!proxied)
    return { host: target.hostname, port: target.port || 80, path: target.pathname + target.search };
  const proxy = new URL(process.env.HTTP_PROXY);
  return { host: proxy.hostname, port: proxy.port || 80, path: target.href };
}

function once({ method, path, body }, agent, last) {
  return new Promise((resolve, reject) => {
    const { host, port, path: line } = targetOf(path);
    const own = { host: new URL(url).host, ...headers, connection: last ? 'close' : 'keep-alive' };
    const sent = request(
      { host, port, path: line, method, headers: own, agent, timeout: timeoutMs },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (data) => (text += data));
        response.on('error', reject);
        response.on('aborted', () => reject(new Error('the answer ended early')));
        response.on('end', () => {
          if (response.statusCode !== 200) return reject(new Error(`${response.statusCode} ${text.trim()}`));
          const answer = JSON.parse(text);
          if (answer.method !== method || answer.body !== (body ?? ''))
            return reject(new Error(`wrong answer ${text}`));
          resolve(answer.release);
        });
      },
    );
    sent.on('timeout', () => sent.destroy(new Error(`silent for ${timeoutMs} ms`)));
    sent.on('error', reject);
    sent.end(body);
  });
}

async function work(number) {
  // One connection at a time, so that `perConnection` requests are one connection's.
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (let count = number; !stopping; count++) {
    const startMs = performance.now();
    const kind = kinds[count % kinds.length];
    try {
      const release = await once(kind, agent, count % perConnection === 0);
      result.releases[release] = (result.releases[release] ?? 0) + 1;
    } catch (error) {
      result.failed++;
      const at = new Date().toISOString();
      const what = `${kind.method} ${kind.path}: ${error.code ?? ''} ${error.message}`;
      if (result.failures.length < 20)
        result.failures.push({ at, afterMs: Math.round(performance.now() - startMs), what });
    }
    result.requests++;
    result.slowestMs = Math.max(result.slowestMs, Math.round(performance.now() - startMs));
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  agent.destroy();
}

process.stdin.resume().on('end', () => (stopping = true));
Promise.all(Array.from({ length: workers }, (_, number) => work(number))).then(() => {
  process.stdout.write(`${JSON.stringify(result)}\n`);
});
