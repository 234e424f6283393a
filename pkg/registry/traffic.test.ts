import { VirtualClock } from '../testing/virtual-clock';
import { TrafficBoard, type TrafficLine } from './traffic';

const line: TrafficLine = {
  ...{ formation: 'shop', service: 'web', release: 'v1', epoch: 'a' },
  ...{ requests: 1, errors: 0, waiting: 0, durations: [1] },
};

it('shows what the router has told last, and what proxy and virtual IPs have now', () => {
  const clock = new VirtualClock();
  const proxied = { ...line, epoch: 'p' };
  const connected = { ...line, epoch: 'v', connections: 3, open: 2 };
  const board = new TrafficBoard({ clock, proxy: () => [proxied], virtualIp: () => [connected] });
  expect(board.table).toEqual({ router: [], proxy: [proxied], virtualIp: [connected] });
  board.put([{ ...line, requests: 1 }]);
  board.put([{ ...line, requests: 2, open: 1, more: 'x' }]);
  expect(board.table).toMatchObject({ router: [{ ...line, requests: 2, open: 1 }], proxy: [proxied] });
});

it('forgets a router that is silent: it holds nothing any more', async () => {
  const clock = new VirtualClock();
  const board = new TrafficBoard({ clock });
  board.put([{ ...line, waiting: 3 }]);
  await clock.advance(29_000);
  expect(board.table.router).toHaveLength(1);
  await clock.advance(2_000);
  expect(board.table.router).toEqual([]);
});

it.each([
  ['no list', {}],
  ['no line', [1]],
  ['a name that is too long', [{ ...line, service: 'x'.repeat(65) }]],
  ['half a request', [{ ...line, requests: 0.5 }]],
  ['less than nothing', [{ ...line, errors: -1 }]],
  ['half a connection', [{ ...line, open: 0.5 }]],
  ['more durations than there are buckets', [{ ...line, durations: Array<number>(33).fill(0) }]],
  ['no durations', [{ ...line, durations: 3 }]],
  ['too much', Array<TrafficLine>(2_001).fill(line)],
])('refuses %s', (_what, value) => {
  expect(() => new TrafficBoard({ clock: new VirtualClock() }).put(value)).toThrow('traffic');
});
