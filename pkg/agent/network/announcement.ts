import type { Process } from '../../gen/gilliam/v1/release';
import type { Announcement, EntryKey } from '../../registry/types';
import { isAuxiliary } from '../../resource/auxiliary';
import type { Container } from '../driver';
import type { Identity } from '../labels';
import type { Task } from '../task';

/** What an instance is announced as: `PUT /shop/web.1`. */
export function keyOf({ formation, process, ordinal }: Identity): EntryKey {
  return { formation, service: process, instance: String(ordinal) };
}

/** What only the control plane knows of a service; absent while it has not been heard. */
export interface Told {
  /** Of an auxiliary service: the formations beside its own that may use it. */
  readonly sharedWith?: readonly string[];
  /** The release's share of the requests, in hundredths; null for one by number. */
  readonly trafficPercent?: number | null;
}

/** Of an instance's task. */
export function toldBy(task: Task): Told {
  return { trafficPercent: task.trafficPercent ?? null, ...sharedBy(task) };
}

export function sharedBy({ instance, sharedWith }: Task): Pick<Told, 'sharedWith'> {
  return isAuxiliary(instance.spec.process) ? { sharedWith } : {};
}

/** How a running container is reached: from this executor by its own address, from others by the host's ports. */
export function announcementOf(
  identity: Identity,
  container: Container,
  process: Pick<Process, 'ports'>,
  at: { readonly host: string; readonly executor: string },
  told: Told = {},
): Announcement {
  const published = process.ports.flatMap(({ containerPort }) =>
    container.ports.filter((binding) => binding.containerPort === containerPort),
  );
  const [first] = published;
  return {
    host: at.host,
    ...(first && {
      port: first.hostPort,
      ports: Object.fromEntries(
        published.map(({ containerPort, hostPort }) => [String(containerPort), hostPort]),
      ),
    }),
    release: identity.release,
    instance: identity.name,
    executor: at.executor,
    ...(container.address !== undefined && { address: container.address }),
    ...(told.sharedWith && { sharedWith: [...told.sharedWith] }),
    ...(told.trafficPercent !== undefined && { trafficPercent: told.trafficPercent }),
  };
}
