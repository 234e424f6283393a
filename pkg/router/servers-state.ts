import { HOLD } from './backend';
import type { RunningServer } from './plan';

/** Reads what is answered to `show servers state`: what instances there are, by backend and server. */
export function parseServersState(text: string): Map<string, Map<string, RunningServer>> {
  const lines = text.split('\n');
  const header =
    lines
      .find((line) => line.startsWith('# '))
      ?.slice(2)
      .split(' ') ?? [];
  const column = (name: string) => header.indexOf(name);
  const [backend, server, admin, weight] = [
    column('be_name'),
    column('srv_name'),
    column('srv_admin_state'),
    column('srv_uweight'),
  ] as const;
  const found = new Map<string, Map<string, RunningServer>>();
  for (const line of lines) {
    const fields = line.split(' ');
    if (line.startsWith('#') || fields.length < header.length || header.length === 0) continue;
    const servers = found.get(fields[backend] as string) ?? new Map<string, RunningServer>();
    found.set(fields[backend] as string, servers);
    if (fields[server] === HOLD) continue;
    servers.set(fields[server] as string, {
      weight: Number(fields[weight]),
      // Its lowest bit is what the runtime API was told.
      retired: (Number(fields[admin]) & 1) === 1,
    });
  }
  return found;
}
