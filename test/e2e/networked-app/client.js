// As client.py, each request over a connection of its own. Node knows no proxy of the environment (before Node 24), so that is done
// here as libraries do it.
const { request } = require('node:http');

const [url, times, direct] = process.argv.slice(2);
const timeoutMs = 10_000;

function once() {
  const { host } = new URL(url);
  const proxy = new URL(process.env.http_proxy);
  const to = direct ? {} : { hostname: proxy.hostname, port: proxy.port, path: url };
  return new Promise((resolve, reject) => {
    const sent = request(url, { ...to, headers: { host }, agent: false, timeout: timeoutMs }, (response) => {
      let text = '';
      response.on('data', (data) => (text += data));
      response.on('error', reject);
      response.on('end', () =>
        response.statusCode === 200
          ? resolve(JSON.parse(text))
          : reject(new Error(`${response.statusCode} ${text.trim()}`)),
      );
    });
    // That it is silent is all that Node says by itself.
    sent.on('timeout', () => sent.destroy(new Error('no answer')));
    sent.on('error', reject).end();
  });
}

async function main() {
  const answers = {};
  for (let count = 0; count < Number(times); count++) {
    const beganMs = performance.now();
    try {
      const { instance } = await once();
      answers[instance] = (answers[instance] ?? 0) + 1;
    } catch (error) {
      const way = direct ? 'directly' : 'by the proxy';
      const after = `after ${((performance.now() - beganMs) / 1000).toFixed(1)} s`;
      const before = JSON.stringify(answers);
      console.error(
        `${url} ${way}, request ${count + 1} of ${times}: ${error.message} ${after}; before it ${before}`,
      );
      process.exit(1);
    }
  }
  console.log(JSON.stringify(answers));
}

void main();
