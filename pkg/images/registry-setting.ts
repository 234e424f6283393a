import { InvalidError } from '../base/errors';

/** Where an image registry is, and as whom it is asked. */
export interface RegistryPlace {
  /** `https://registry.example:5000`; of a socket, a name for it that nobody resolves. */
  readonly origin: string;
  readonly socketPath?: string;
  /** The header `Authorization`. */
  readonly authorization?: string;
  /** As errors call it: without a password. */
  readonly shown: string;
}

/** Reads `http://host:port`, `https://user:password@host` or `unix:/path/of/socket`. Throws InvalidError. */
export function parseRegistry(setting: string): RegistryPlace {
  if (setting.startsWith('unix:')) return socket(setting.replace(/^unix:(?:\/\/)?/, ''));
  let url: URL;
  try {
    url = new URL(setting);
  } catch (cause) {
    throw refused('is no URL', cause);
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw refused('is neither http, https nor unix');
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '')
    throw refused('has more than a host and a port');
  const { origin, username, password } = url;
  if (username === '') return { origin, shown: origin };
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { origin, shown: origin, authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
}

function socket(socketPath: string): RegistryPlace {
  if (!socketPath.startsWith('/')) throw refused('names a socket without its whole path');
  return { origin: 'http://images.invalid', socketPath, shown: `unix:${socketPath}` };
}

function refused(why: string, cause?: unknown): InvalidError {
  return new InvalidError(
    `GILLIAM_IMAGES ${why}: use http://host:port, https://user:password@host or unix:/path/of/socket`,
    [],
    { cause },
  );
}
