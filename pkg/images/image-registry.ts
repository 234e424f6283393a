/** A request of the OCI distribution protocol. */
export interface RegistryRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: AsyncIterable<Uint8Array>;
}

export interface RegistryAnswer {
  readonly status: number;
  /** Names in lower case; only those that say something of the answer itself. */
  readonly headers: Readonly<Record<string, string>>;
  /** To be read to its end or left, or the connection stays taken. Throws UnavailableError when it breaks. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** Something that answers as an OCI registry does: one by HTTP, or by the stage's API. */
export interface ImageRegistry {
  /** Throws UnavailableError when there is no answer. What is refused is an answer. */
  ask(request: RegistryRequest, signal: AbortSignal): Promise<RegistryAnswer>;
}

/** Of an answer, what engines look at. The others are of one connection, or nobody's business. */
const answered = [
  'accept-ranges',
  'content-length',
  'content-range',
  'content-type',
  'docker-content-digest',
  'docker-distribution-api-version',
  'docker-upload-uuid',
  'link',
  'location',
  'oci-subject',
  'range',
];

export function answerHeaders(
  headers: Readonly<Record<string, string | string[] | undefined>>,
): Record<string, string> {
  return Object.fromEntries(
    answered.flatMap((name) => {
      const value = headers[name];
      return value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : value]];
    }),
  );
}

/** All of a short answer, as text. Throws when it is longer than anything that is asked for so. */
export async function textOf({ body }: RegistryAnswer): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of body) {
    bytes += part.length;
    if (bytes > maxTextBytes) throw new Error('the registry answers with more than was asked for');
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}

/** Manifests may have 4 MiB; ours have a kilobyte. */
const maxTextBytes = 4 * 2 ** 20;
