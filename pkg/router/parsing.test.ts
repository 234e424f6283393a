import { parseSessions } from './drains';
import { parseServersState } from './servers-state';
import { maxConnectionsOf } from './settings';
import { parseShowProc } from './show-proc';

test('workers are told from old workers', () => {
  const text = `#<PID>          <type>          <reloads>       <uptime>        <version>
1162            master          5 [failed: 0]   0d00h02m07s     2.6.12
# workers
1271            worker          1               0d00h00m00s     2.6.12
# old workers
1233            worker          3               0d00h00m43s     2.6.12
# programs
`;
  expect(parseShowProc(text)).toEqual({ current: 1271, old: [1233] });
});

test('sessions and those who wait for one count', () => {
  const text = '# pxname,svname,qcur,qmax,scur,smax\nshop:web,1.web.shop:v1:aa,1,2,3,4\nshop:web,b,,0,0,1\n';
  expect(parseSessions(text)).toEqual([
    { backend: 'shop:web', server: '1.web.shop:v1:aa', count: 4 },
    { backend: 'shop:web', server: 'b', count: 0 },
  ]);
  expect(parseSessions("Can't find proxy.")).toEqual([]);
});

test('servers in maintenance are retired', () => {
  const text = `1
# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight
3 r1 1 a 127.0.0.1 2 0 5
3 r1 2 b 127.0.0.1 0 1 7
`;
  expect(parseServersState(text).get('r1')).toEqual(
    new Map([
      ['a', { weight: 5, retired: false }],
      ['b', { weight: 7, retired: true }],
    ]),
  );
});

test.each([
  [20_000, 8_000],
  [1_024, 409],
  [10_000_000, 50_000],
])('%d open files allow %d connections', (files, connections) => {
  expect(maxConnectionsOf(files)).toBe(connections);
});
