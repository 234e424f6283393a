import type { TrafficKey } from '../metrics/traffic-counters';

/** What HAProxy's worker has counted for one of its servers since it began. */
export interface ServerStats {
  /** `<backend>/<server>`: unique in a worker. */
  readonly id: string;
  readonly key: TrafficKey;
  readonly requests: number;
  /** Answered with 5xx, or not at all. */
  readonly errors: number;
  /** Requests and tunnels that are under way. */
  readonly open: number;
}

/** Reads what is answered to `show stat -1 4 -1`: all servers that are instances. */
export function parseServerStats(text: string): ServerStats[] {
  const [header = '', ...lines] = text.split('\n');
  const names = header.replace(/^# /, '').split(',');
  const columns = ['pxname', 'svname', 'scur', 'req_tot', 'hrsp_5xx', 'econ', 'eresp'].map((name) =>
    names.indexOf(name),
  );
  if (columns.some((column) => column < 0)) return [];
  return lines.flatMap((line) => {
    const fields = line.split(',');
    const [backend = '', server = '', ...counts] = columns.map((column) => fields[column] ?? '');
    const key = trafficKeyOf(server);
    if (!key) return [];
    const [open = 0, answered = 0, failed = 0, unconnected = 0, unanswered = 0] = counts.map(Number);
    const silent = unconnected + unanswered;
    return [{ id: `${backend}/${server}`, key, requests: answered + silent, errors: failed + silent, open }];
  });
}

/** Of a server's name: `1.web.shop:v2:0123456789`. Undefined for one that is no instance. */
export function trafficKeyOf(server: string): TrafficKey | undefined {
  const [name = '', release = '', hash] = server.split(':');
  const [instance, service, formation, ...more] = name.split('.');
  if (hash === undefined || !instance || !service || !formation || more.length > 0) return undefined;
  return { formation, service, release: release === '-' ? '' : release };
}
