'use strict';
// Answers every request with a greeting, and says which instance of which release it is.
const { createServer } = require('node:http');

const port = Number(process.env.PORT || 8080);
const instance = process.env.GILLIAM_INSTANCE || 'web';
const release = process.env.GILLIAM_RELEASE || 'no release';
const greeting = process.env.GREETING || 'Hello';

const server = createServer((request, response) => {
  console.log('%s %s', request.method, request.url);
  response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' });
  response.end(`${greeting} from ${instance} of ${release} on port ${port}\n`);
});

server.listen(port, () => console.log('listening on port %d', port));

// Whoever is being answered gets the whole answer; then this process is done.
process.on('SIGTERM', () => {
  console.log('stopping');
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});
