import type { Announcement } from './types';

/**
 * The announcement as it is kept. An agent that was started again, and has not heard the control plane yet, does not
 * know with whom an instance is shared, nor its release's share of the requests: what was said of it before stays.
 */
export function withTold(
  { trafficPercent, ...body }: Announcement,
  last: Announcement | undefined,
): Announcement {
  const before = last?.instance === body.instance ? last : undefined;
  const sharedWith = body.sharedWith ?? before?.sharedWith;
  const percent = trafficPercent === undefined ? before?.trafficPercent : trafficPercent;
  return {
    ...body,
    ...(sharedWith !== undefined && { sharedWith }),
    ...(typeof percent === 'number' && { trafficPercent: percent }),
  };
}
