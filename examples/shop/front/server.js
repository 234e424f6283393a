// What customers see: GET / is the shop, POST /cart/<customer>/<product> and POST /orders/<customer> are its buttons.
const { createServer } = require('node:http');

async function call(method, url) {
  const response = await fetch(url, { method });
  return { status: response.status, value: await response.json() };
}

function page(products, cart) {
  const rows = products.map(
    ({ id, name, cents }) =>
      `<tr><td>${name}</td><td>${(cents / 100).toFixed(2)}</td><td>${cart[id] ?? 0}</td>` +
      `<td><form method="post" action="/cart/guest/${id}"><button>Add</button></form></td></tr>`,
  );
  return `<!doctype html><meta charset="utf-8"><title>Shop</title>
<style>body{font:16px sans-serif;max-width:40em;margin:3em auto}td{padding:.3em 1em .3em 0}</style>
<h1>Shop</h1><table>${rows.join('')}</table>
<form method="post" action="/orders/guest"><button>Order</button></form>
<p>${process.env.GILLIAM_INSTANCE} of ${process.env.GILLIAM_RELEASE}</p>`;
}

async function answer(method, path) {
  const [, place, customer, product] = path.split('/');
  if (path === '/health') return { status: 200, value: { ok: true } };
  if (method === 'GET' && path === '/') {
    const [products, cart] = await Promise.all([
      call('GET', 'http://web.catalog.service/'),
      call('GET', 'http://web.cart.service/guest'),
    ]);
    return { status: 200, html: page(products.value, cart.value) };
  }
  if (place === 'cart' && customer) {
    return call(method, `http://web.cart.service/${customer}${product ? `/${product}` : ''}`);
  }
  if (place === 'orders' && customer) return call('POST', `http://web.orders.service/${customer}`);
  return { status: 404, value: { error: `there is nothing at ${path}` } };
}

const server = createServer(async (request, response) => {
  const { pathname } = new URL(request.url, 'http://front');
  const { status, value, html } = await answer(request.method, pathname).catch((error) => ({
    status: 502,
    value: { error: error.message },
  }));
  // A form of the page: back to it.
  if (request.method === 'POST' && request.headers.accept?.includes('text/html') && status < 400) {
    response.writeHead(303, { location: '/' }).end();
    return;
  }
  response.writeHead(status, { 'content-type': html ? 'text/html; charset=utf-8' : 'application/json' });
  response.end(html ?? JSON.stringify(value));
});

process.on('SIGTERM', () => server.close(() => process.exit(0)));
server.listen(process.env.PORT, () => console.log(`front listens on ${process.env.PORT}`));
