/**
 * The program that serves static files: it goes into the image as `.gilliam/static.js` and needs nothing but Node.
 * Files whose names begin with a dot are not served, nor is anything outside the root; directories are not listed.
 */
export const staticServer = String.raw`'use strict';
// Serves the files below a directory on $PORT.
const { createReadStream, promises: fs } = require('node:fs');
const { createServer } = require('node:http');
const path = require('node:path');

const root = require('node:fs').realpathSync(process.argv[2] || '.');
const types = {
  '.avif': 'image/avif',
  '.css': 'text/css; charset=utf-8',
  '.gif': 'image/gif',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.jpeg': 'image/jpeg',
  '.jpg': 'image/jpeg',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.md': 'text/markdown; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.mp3': 'audio/mpeg',
  '.mp4': 'video/mp4',
  '.pdf': 'application/pdf',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
  '.webm': 'video/webm',
  '.webmanifest': 'application/manifest+json',
  '.webp': 'image/webp',
  '.woff': 'font/woff',
  '.woff2': 'font/woff2',
  '.xml': 'text/xml; charset=utf-8',
};

async function find(pathname) {
  if (/(^|\/)\.|\0|\\/.test(pathname)) return undefined;
  const file = await fs.realpath(path.join(root, pathname)).catch(() => undefined);
  if (file === undefined || (file !== root && !file.startsWith(root + path.sep))) return undefined;
  const stat = await fs.stat(file);
  if (stat.isFile()) return pathname.endsWith('/') ? undefined : { file, stat };
  if (!stat.isDirectory()) return undefined;
  const index = await find(path.posix.join(pathname, 'index.html'));
  return index && { ...index, directory: true };
}

async function answer(request, response) {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { allow: 'GET, HEAD' }).end('method not allowed\n');
    return;
  }
  const [target, query] = request.url.split(/\?(.*)/s, 2);
  let pathname;
  try {
    pathname = decodeURIComponent(target);
  } catch {
    response.writeHead(400).end('bad request\n');
    return;
  }
  let found = await find(pathname);
  if (found && found.directory && !target.endsWith('/')) {
    const name = target.slice(target.lastIndexOf('/') + 1);
    response.writeHead(301, { location: './' + name + '/' + (query ? '?' + query : '') }).end();
    return;
  }
  const status = found ? 200 : 404;
  found = found || (await find('/404.html'));
  if (!found) {
    response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end('not found\n');
    return;
  }
  const etag = 'W/"' + found.stat.size.toString(16) + '-' + Math.trunc(found.stat.mtimeMs).toString(16) + '"';
  const headers = {
    'cache-control': 'no-cache',
    'content-type': types[path.extname(found.file).toLowerCase()] || 'application/octet-stream',
    'x-content-type-options': 'nosniff',
    etag,
  };
  if (status === 200 && request.headers['if-none-match'] === etag) {
    response.writeHead(304, headers).end();
    return;
  }
  response.writeHead(status, { ...headers, 'content-length': found.stat.size });
  if (request.method === 'HEAD') response.end();
  else createReadStream(found.file).on('error', () => response.destroy()).pipe(response);
}

const server = createServer((request, response) => {
  answer(request, response).catch(() => {
    if (response.headersSent) response.destroy();
    else response.writeHead(500).end('internal error\n');
  });
});
server.listen(Number(process.env.PORT || 8080), () => {
  console.log('serving %s on port %d', root, server.address().port);
});
process.on('SIGTERM', () => {
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});
`;
