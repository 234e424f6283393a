import { quote } from './names';

// `sha256:…` of an engine's own store, or `host:port/name@sha256:…` of a registry.
const image = /^(?:[a-z0-9][-a-z0-9._:/]{0,254}@)?sha256:[0-9a-f]{64}$/;

/** Why the text does not name an image by digest; undefined when it does, or is empty. */
export function imageViolation(text: string): string | undefined {
  if (text === '' || image.test(text)) return undefined;
  return `image ${quote(text)} is not named by digest: use sha256:<64 digits> or host/name@sha256:<64 digits>`;
}
