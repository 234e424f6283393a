// POST /<customer> orders what is in the customer's cart: charges it, sends it, and puts a mail into the queue.
const { createServer } = require('node:http');
const { push, length } = require('./queue');

async function call(method, url, body) {
  const response = await fetch(url, { method, body: body && JSON.stringify(body) });
  const value = await response.json();
  if (!response.ok) throw new Error(`${url}: ${response.status} ${value.error ?? ''}`);
  return value;
}

async function order(customer) {
  const cart = await call('GET', `http://web.cart.service/${customer}`);
  const lines = await Promise.all(
    Object.entries(cart).map(async ([id, count]) => {
      const { cents } = await call('GET', `http://web.catalog.service/${id}`);
      return { id, count, cents: count * cents };
    }),
  );
  if (lines.length === 0) throw new Error('the cart is empty');
  const cents = lines.reduce((sum, line) => sum + line.cents, 0);
  const { payment } = await call('POST', 'http://web.payments.service/', { customer, cents });
  const { parcel } = await call('POST', 'http://web.shipping.service/', { customer, lines });
  await call('DELETE', `http://web.cart.service/${customer}`);
  await push({ customer, text: `${lines.length} products for ${cents / 100} are on their way: ${parcel}` });
  return { customer, cents, payment, parcel };
}

const server = createServer(async (request, response) => {
  response.setHeader('content-type', 'application/json');
  const [, customer] = new URL(request.url, 'http://orders').pathname.split('/');
  try {
    const found = request.method === 'POST' ? await order(customer) : { waiting: await length() };
    response.end(JSON.stringify(found));
  } catch (error) {
    response.statusCode = 502;
    response.end(JSON.stringify({ error: error.message }));
  }
});

process.on('SIGTERM', () => server.close(() => process.exit(0)));
server.listen(process.env.PORT, () => console.log(`orders listens on ${process.env.PORT}`));
