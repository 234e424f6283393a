// As client.py, each request over a connection of its own. Node knows no proxy of the environment (before Node 24), so that is done
// here as libraries do it.
const { request } = require('node:http');

const [url, times, direct] = process.argv.slice(2);

function once() {
  const { host } = new URL(url);
  const proxy = new URL(process.env.http_proxy);
  const to = direct ? {} : { hostname: proxy.hostname, port: proxy.port, path: url };
  return new Promise((resolve, reject) => {
    request(url, { ...to, headers: { host }, agent: false, timeout: 10_000 }, (response) => {
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

async function main() {
  const answers = {};
  for (let count = 0; count < Number(times); count++) {
    const { instance } = await once();
    answers[instance] = (answers[instance] ?? 0) + 1;
  }
  console.log(JSON.stringify(answers));
}

void main();
