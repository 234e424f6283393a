// Says who it is and what it was asked. Ends at once on SIGTERM, as programs do that nobody has taught better.
const { createServer } = require('node:http');

const { GILLIAM_INSTANCE: instance, GILLIAM_RELEASE: release, HOSTNAME: hostname, PORT } = process.env;

const server = createServer((request, response) => {
  const { method, url, headers } = request;
  const delayMs = Number(new URL(url, 'http://web').searchParams.get('delay') ?? 0);
  let body = '';
  request.on('data', (data) => (body += data));
  request.on('end', () => {
    const answer = JSON.stringify({
      instance,
      release,
      hostname,
      method,
      url,
      host: headers.host,
      headers,
      body,
    });
    setTimeout(() => response.setHeader('content-type', 'application/json').end(answer), delayMs);
  });
});
server.on('upgrade', (request, socket, head) => {
  socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
  socket.on('error', () => socket.destroy());
  socket.write(head);
  socket.pipe(socket);
});
server.listen(PORT);
process.on('SIGTERM', () => process.exit(0));
