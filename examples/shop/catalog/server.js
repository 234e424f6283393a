// Products and their prices, in Postgres.
const { createServer } = require('node:http');
const { Pool } = require('pg');

const pool = new Pool({ connectionString: process.env.DB_URL, max: 4 });
// A connection that breaks while nobody uses it is replaced by the next query.
pool.on('error', (error) => console.error(`database: ${error.message}`));

const products = [
  ['apple', 'Apple', 30],
  ['bread', 'Bread', 320],
  ['cheese', 'Cheese', 540],
  ['pear', 'Pear', 40],
];

// Two instances that start at once both do this: it is the same either way.
async function prepare() {
  await pool.query('create table if not exists product (id text primary key, name text, cents int)');
  for (const product of products) {
    await pool.query('insert into product values ($1, $2, $3) on conflict do nothing', product);
  }
}

async function answer(path) {
  if (path === '/health') return (await pool.query('select 1')).rowCount === 1 && { ok: true };
  if (path === '/') return (await pool.query('select * from product order by id')).rows;
  return (await pool.query('select * from product where id = $1', [path.slice(1)])).rows[0];
}

const server = createServer(async (request, response) => {
  response.setHeader('content-type', 'application/json');
  try {
    const found = await answer(new URL(request.url, 'http://catalog').pathname);
    response.statusCode = found ? 200 : 404;
    response.end(JSON.stringify(found || { error: 'no such product' }));
  } catch (error) {
    response.statusCode = 500;
    response.end(JSON.stringify({ error: error.message }));
  }
});

async function start() {
  for (;;) {
    try {
      await prepare();
      break;
    } catch (error) {
      console.error(`waiting for the database: ${error.message}`);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
  server.listen(process.env.PORT, () => console.log(`catalog listens on ${process.env.PORT}`));
}

process.on('SIGTERM', () => server.close(() => process.exit(0)));
void start();
