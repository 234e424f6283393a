// Joins its standard input and output to HOST:PORT by CONNECT at the proxy of the environment, as `ssh` and `nc -X connect` do.
const { request } = require('node:http');

const proxy = new URL(process.env.https_proxy);
const path = process.argv[2];
request({ host: proxy.hostname, port: proxy.port, method: 'CONNECT', path })
  .on('connect', (response, socket, head) => {
    if (response.statusCode !== 200) {
      console.error(`${response.statusCode} ${response.headers['gilliam-error']}`);
      process.exit(1);
    }
    process.stdout.write(head);
    socket.pipe(process.stdout);
    process.stdin.pipe(socket);
  })
  .on('error', (error) => {
    console.error(error.message);
    process.exit(1);
  })
  .end();
