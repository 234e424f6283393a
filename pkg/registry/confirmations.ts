import type { Clock } from '../base/clock';
import type { Disposable } from '../base/disposable';
import type { Pending } from './follower-hub';
import type { AckReport } from './withdrawals';

/** So long a report waits for confirmations that come soon, so that one is enough. */
const gatherMs = 20;

export interface ReportOptions {
  readonly version: string;
  readonly node: string;
  readonly clock: Clock;
  readonly send: (report: AckReport) => void;
}

/** Reports who has confirmed a withdrawal on a node: once when all have, or soon what is known, and then each step. */
export function reportConfirmations(pending: readonly Pending[], options: ReportOptions): void {
  const { version, node, clock, send } = options;
  const followers = new Set(pending.map(({ follower }) => follower));
  const acknowledged = new Set<string>();
  let gathering: Disposable | undefined;
  const report = () => send({ version, node, followers: [...followers], acknowledged: [...acknowledged] });
  const allDone = () => followers.size === acknowledged.size;
  if (allDone()) return report();
  gathering = clock.after(gatherMs, () => {
    gathering = undefined;
    report();
  });
  for (const { follower, confirmation } of pending) {
    void confirmation.then((confirmed) => {
      if (confirmed === 'failed') return;
      if (confirmed === 'gone') followers.delete(follower);
      else acknowledged.add(follower);
      if (!allDone() && gathering) return;
      gathering?.dispose();
      gathering = undefined;
      report();
    });
  }
}
