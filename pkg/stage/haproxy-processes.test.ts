import { isHaproxyOf } from './haproxy-processes';

const directory = '/var/lib/gilliam/local/router';

test.each<[string, string[], boolean]>([
  ['its master', ['/usr/sbin/haproxy', '-W', '-f', `${directory}/haproxy.cfg`], true],
  [
    'its worker, after a reload',
    ['haproxy', '-f', `${directory}/haproxy.cfg`, '-sf', '17', '-x', 'sockpair@4'],
    true,
  ],
  ['that of another stage', ['haproxy', '-f', '/var/lib/gilliam/local-2/router/haproxy.cfg'], false],
  ['that of a stage whose name begins alike', ['haproxy', '-f', `${directory}-2/haproxy.cfg`], false],
  ['somebody’s editor', ['vi', `${directory}/haproxy.cfg`], false],
  ['the machine’s own', ['/usr/sbin/haproxy', '-f', '/etc/haproxy/haproxy.cfg'], false],
  ['a kernel thread', [''], false],
])('HAProxy of a router: %s', (_, words, is) => expect(isHaproxyOf(directory, words)).toBe(is));
