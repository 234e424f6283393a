import { X509Certificate } from 'node:crypto';
import { InvalidError } from '../../base/errors';
import { certificateName, renewalOf } from '../../certificates/route-certificate';
import type { Route } from '../../resource/objects';
import { compileRoute } from '../../routing/compile';

export interface RoutePlan {
  /** The host for which a certificate for development is due. */
  readonly renewFor?: string;
  /** When to look again even if nothing changes. */
  readonly requeueAfterMs?: number;
}

/** The longest sleep: a clock that is set forward is noticed, and no timer has to be longer than it can. */
const MAX_WAIT_MS = 86_400_000;

/** Whether the route's certificate is one for development, and due. One that was given is its owner's to renew. */
export function planRoute(route: Route, now: Date): RoutePlan {
  const { tls } = route.spec;
  if (!tls?.development) return {};
  const leftMs = dueMs(tls.certificate) - now.getTime();
  if (leftMs > 0) return { requeueAfterMs: Math.min(leftMs, MAX_WAIT_MS) };
  const renewFor = hostOf(route);
  return renewFor === undefined ? {} : { renewFor };
}

function dueMs(certificate: string): number {
  try {
    return renewalOf(new X509Certificate(certificate)).getTime();
  } catch {
    // What cannot be read serves nobody.
    return 0;
  }
}

/** Undefined for a route that this version does not understand: a newer control plane has made it. */
function hostOf(route: Route): string | undefined {
  try {
    const { host } = compileRoute(route);
    return host && certificateName(host);
  } catch (error) {
    if (error instanceof InvalidError) return undefined;
    throw error;
  }
}
