import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VirtualClock } from '../testing/virtual-clock';
import { parseResolvConf, resolvConf } from './resolv-conf';

describe('resolv.conf', () => {
  it('is read for its servers, three at most', () => {
    const text =
      '# nameserver 9.9.9.9\nnameserver 10.0.0.1\n search example.com\nnameserver   fe80::1%eth0\nnameserver x\n';
    expect(parseResolvConf(text)).toEqual([
      { host: '10.0.0.1', port: 53 },
      { host: 'fe80::1%eth0', port: 53 },
    ]);
    expect(parseResolvConf('nameserver 1.1.1.1\n'.repeat(5))).toHaveLength(3);
    expect(parseResolvConf('')).toEqual([]);
  });

  it('is read again when it has changed, and remembered while it is away', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'gilliam-'));
    const file = join(dir, 'resolv.conf');
    const clock = new VirtualClock();
    const servers = resolvConf(clock, file);
    expect(servers()).toEqual([]);
    await writeFile(file, 'nameserver 10.0.0.1\n');
    await clock.advance(6000);
    expect(servers()).toEqual([{ host: '10.0.0.1', port: 53 }]);
    await rm(dir, { recursive: true });
    await clock.advance(6000);
    expect(servers()).toEqual([{ host: '10.0.0.1', port: 53 }]);
  });
});
