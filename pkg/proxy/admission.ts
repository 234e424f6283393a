import { refuseLoop, upgradeOf, viaOf } from './forward';
import { requestFraming, type Framing } from './framing';
import type { RequestHead } from './head';
import { Refusal } from './refusal';
import { parseTarget, type RequestTarget } from './target';

/** A request that can be passed on: whoever reads it next understands what was understood here. */
export interface AdmittedRequest {
  readonly head: RequestHead;
  readonly target: RequestTarget;
  readonly framing: Framing;
  /** This proxy's member of its `Via`. */
  readonly via: string;
  /** The protocol that it asks to go on with. */
  readonly upgrade: string | undefined;
}

/** @throws {Refusal} where it cannot be passed on */
export function admit(head: RequestHead, pseudonym: string): AdmittedRequest {
  const hosts = head.fields.filter(({ key }) => key === 'host').length;
  if (hosts > 1) throw new Refusal(400, 'the request has more than one Host');
  if (hosts === 0 && head.minor === 1) throw new Refusal(400, 'the request has no Host');
  const framing = requestFraming(head);
  const target = parseTarget(head);
  const via = viaOf(pseudonym, target, head.minor);
  refuseLoop(head, via, pseudonym);
  const empty = framing.kind === 'none' || (framing.kind === 'length' && framing.bytes === 0);
  if (head.method === 'CONNECT' && !empty) throw new Refusal(400, 'CONNECT has no body');
  return { head, target, framing, via, upgrade: upgradeOf(head) };
}
