// As client.py. Node's own `fetch` knows no proxy of the environment (before Node 24), so that is done here as libraries do it.
const { request } = require('node:http');

const [url, times, direct] = process.argv.slice(2);

function byProxy() {
  const proxy = new URL(process.env.http_proxy);
  return new Promise((resolve, reject) => {
    const headers = { host: new URL(url).host };
    request({ host: proxy.hostname, port: proxy.port, path: url, headers, timeout: 10_000 }, (response) => {
      let text = '';
      response.on('data', (data) => (text += data));
      response.on('end', () =>
        response.statusCode === 200 ? resolve(JSON.parse(text)) : reject(new Error(text)),
      );
    })
      .on('error', reject)
      .end();
  });
}

async function itself() {
  const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
  return response.json();
}

async function main() {
  const answers = {};
  for (let count = 0; count < Number(times); count++) {
    const { instance } = await (direct ? itself() : byProxy());
    answers[instance] = (answers[instance] ?? 0) + 1;
  }
  console.log(JSON.stringify(answers));
}

void main();
