import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock } from '../base/clock';
import { PreconditionError } from '../base/errors';
import { silentLogger } from '../base/log';
import { HaproxyProcess } from './haproxy-process';

test('without HAProxy it says what to do', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'gr-'));
  const haproxy = new HaproxyProcess({
    ...{ directory, binary: 'haproxy-that-is-not-there' },
    ...{ clock: new SystemClock(), log: silentLogger },
  });
  const refused = haproxy.check(join(directory, 'conf'));
  await expect(refused).rejects.toBeInstanceOf(PreconditionError);
  await expect(haproxy.start()).rejects.toThrow('apt-get install haproxy');
  rmSync(directory, { recursive: true, force: true });
});
