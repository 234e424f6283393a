// GET /<product>: what else one might want. Nothing runs while nobody asks: see `scale` in gilliam.yml.
const { createServer } = require('node:http');

async function recommend(product) {
  const response = await fetch('http://web.catalog.service/');
  const products = await response.json();
  return products.filter(({ id }) => id !== product).slice(0, 2);
}

const server = createServer(async (request, response) => {
  response.setHeader('content-type', 'application/json');
  try {
    const path = new URL(request.url, 'http://recommendations').pathname;
    response.end(JSON.stringify(path === '/health' ? { ok: true } : await recommend(path.slice(1))));
  } catch (error) {
    response.statusCode = 502;
    response.end(JSON.stringify({ error: error.message }));
  }
});

process.on('SIGTERM', () => server.close(() => process.exit(0)));
server.listen(process.env.PORT, () => console.log(`recommendations listens on ${process.env.PORT}`));
