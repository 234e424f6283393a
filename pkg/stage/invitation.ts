import { createHash } from 'node:crypto';
import { z } from 'zod';
import { InvalidError, PreconditionError } from '../base/errors';

/** Goes up when an earlier Gilliam would make nothing of it. */
const format = 1;

const invitation = z.object({
  stage: z.string().min(1),
  /** Tells the stage from others of its name: with that, it is the stage's key. */
  id: z.string().min(1),
  /** `host:port` of the API; of several control planes with commas between. */
  api: z.string().min(1),
  /** By what the API is known: PEM. */
  ca: z.string().min(1),
  /** The stage's executor token. */
  token: z.string().min(32),
  /** The image that builds start from. */
  baseImage: z.string().min(1),
  /** Gilliam's version where it was made. */
  version: z.string().min(1),
});

/** All that a machine has to know to run an executor of a stage. Whoever has it can: it is a secret. */
export type Invitation = Readonly<z.infer<typeof invitation>>;

const again = 'make a new one with "gilliam executor invite" on the machine of the stage';

/** One line, to be given to `gilliam join`: what it is, in which format, the content, and how to see that it is whole. */
export function formatInvitation(content: Invitation): string {
  const body = Buffer.from(JSON.stringify(content)).toString('base64url');
  return `gilliam-invitation.${format}.${body}.${checksum(body)}`;
}

/** Takes also what `gilliam executor invite --json` prints. Throws InvalidError and PreconditionError. */
export function parseInvitation(text: string): Invitation {
  const line = lineIn(text).replace(/\s/g, '');
  if (line === '') throw new InvalidError(`the invitation is empty: ${again}`);
  const [name, version, body = '', sum, ...others] = line.split('.');
  if (name !== 'gilliam-invitation' || others.length > 0)
    throw new InvalidError(`that is no invitation: ${again}`);
  if (version !== undefined && /^\d+$/.test(version) && Number(version) !== format) {
    throw new PreconditionError(
      `the invitation is of format ${version}, this Gilliam knows ${format}: have the same version of Gilliam here as where the stage is`,
    );
  }
  if (sum !== checksum(body)) {
    throw new InvalidError(
      `the invitation is not whole, or was changed on its way: copy it again, or ${again}`,
    );
  }
  const content = invitation.safeParse(JSON.parse(Buffer.from(body, 'base64url').toString()));
  if (content.success) return content.data;
  const missing = content.error.issues[0]?.path.join('.');
  throw new InvalidError(`the invitation lacks what this Gilliam needs ("${missing}"): ${again}`);
}

/** Of programs that do not fit each other, the newer one may say what the older one does not understand. */
export function versionsFit(one: string, other: string): boolean {
  return promiseOf(one) === promiseOf(other);
}

/** What promises to stay compatible: the major version, before the first one the minor too. */
function promiseOf(version: string): string {
  const [major = '', minor = ''] = version.split('.');
  return major === '0' ? `0.${minor}` : major;
}

function lineIn(text: string): string {
  if (!text.trimStart().startsWith('{')) return text;
  try {
    const { invitation } = JSON.parse(text) as { invitation?: unknown };
    return typeof invitation === 'string' ? invitation : 'not';
  } catch {
    return 'not';
  }
}

function checksum(body: string): string {
  return createHash('sha256').update(body).digest('hex').slice(0, 16);
}
