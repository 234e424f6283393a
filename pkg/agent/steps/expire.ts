import type { Situation } from '../situation';

/** The time of an instance that runs once is over: it is to end, and whoever waits for it is told. */
export function expire({ once, oneOffSpec, keeper }: Situation): void {
  if (!once) return;
  const { reason, message } = once.reasonToEnd(oneOffSpec);
  keeper.set({ ready: false, reason, message });
  once.refuse(125, message);
}
