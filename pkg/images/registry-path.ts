const digest = 'sha256:[0-9a-f]{64}';
const readable = new RegExp(`^(?:manifests/(?:[0-9a-f]{64}|${digest})|blobs/${digest})$`);
const upload = /^blobs\/uploads\/(?:[0-9A-Za-z_-][0-9A-Za-z._=-]{0,255})?$/;
const uploadMethods = ['GET', 'HEAD', 'POST', 'PATCH', 'PUT', 'DELETE'];

/**
 * What is passed on, of the OCI distribution protocol: only what is in one repository. Paths are looked at as they
 * come and passed on as they are, so whatever is written in another way is refused: escapes, dots, double slashes.
 */
export function mayRead(repository: string, method: string, path: string): boolean {
  const rest = within(repository, path);
  return (method === 'GET' || method === 'HEAD') && rest !== undefined && readable.test(rest);
}

/**
 * As `mayRead`, and what puts an image there. Nothing is taken over from other repositories, which a query may ask
 * for.
 */
export function mayWrite(repository: string, method: string, path: string): boolean {
  if (mayRead(repository, method, path)) return true;
  const [before = '', query, ...more] = path.split('?');
  const rest = within(repository, before);
  if (rest === undefined || more.length > 0) return false;
  if (/^manifests\/[0-9a-f]{64}$/.test(rest)) return method === 'PUT' && query === undefined;
  if (!upload.test(rest) || !uploadMethods.includes(method)) return false;
  return !new URLSearchParams(query).has('from') && !new URLSearchParams(query).has('mount');
}

function within(repository: string, path: string): string | undefined {
  const prefix = `/v2/${repository}/`;
  return path.startsWith(prefix) ? path.slice(prefix.length) : undefined;
}
