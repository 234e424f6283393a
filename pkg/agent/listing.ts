import type { Container } from './driver';
import { labels } from './labels';

/** The engine's containers, one an instance; of two containers of one instance the running one is kept. */
export function byInstance(containers: readonly Container[]): {
  readonly kept: ReadonlyMap<string, Container>;
  readonly doubles: readonly Container[];
} {
  const kept = new Map<string, Container>();
  const doubles: Container[] = [];
  for (const container of preferRunning(containers)) {
    const uid = container.labels[labels.instance] ?? '';
    if (kept.has(uid)) doubles.push(container);
    else kept.set(uid, container);
  }
  return { kept, doubles };
}

function preferRunning(containers: readonly Container[]): readonly Container[] {
  const rank = (container: Container): number => (container.state === 'running' ? 0 : 1);
  return [...containers].sort((a, b) => rank(a) - rank(b));
}
