'use strict';
const express = require('express');

const port = Number(process.env.PORT || 8080);
const app = express();

app.get('/', (_request, response) => {
  response.type('text/plain').send(`${process.env.GREETING || 'Hello'} from Express on port ${port}\n`);
});

const server = app.listen(port, () => console.log('listening on port %d', port));
process.on('SIGTERM', () => server.close());
