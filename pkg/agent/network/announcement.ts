import type { Process } from '../../gen/gilliam/v1/release';
import type { Announcement, EntryKey } from '../../registry/types';
import type { Container } from '../driver';
import type { Identity } from '../labels';

/** What an instance is announced as: `PUT /shop/web.1`. */
export function keyOf({ formation, process, ordinal }: Identity): EntryKey {
  return { formation, service: process, instance: String(ordinal) };
}

/** How a running container is reached: from this executor by its own address, from others by the host's ports. */
export function announcementOf(
  identity: Identity,
  container: Container,
  process: Pick<Process, 'ports'>,
  at: { readonly host: string; readonly executor: string },
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
  };
}
