import { SystemClock } from '../../base/clock';
import { fakeTask } from '../../testing/task';
import { removeTinyImage, tinyImage } from '../../testing/tiny-image';
import { containerSpec } from '../container-spec';
import type { Task } from '../task';
import { completeTask } from '../task';
import { DockerDriver } from './docker-driver';

jest.setTimeout(60_000);

/** Bits of a set of capabilities, as the kernel numbers them. */
const bits = { netAdmin: 12, netRaw: 13, sysAdmin: 21 } as const;

test('a container’s root cannot send as somebody else, nor change its interface, and can ping', async () => {
  const driver = new DockerDriver({ clock: new SystemClock() });
  const owner = { stage: 'rights', key: `rights-${process.pid}`, executor: 'e1' };
  const instance = `rights-${process.pid}`;
  const task = completeTask(
    fakeTask(1, { image: await tinyImage(), process: { command: ['/bin/sleep', '60'], ports: [] } }),
  ) as Task;
  const spec = { ...containerSpec(task, owner, [], { bindAddress: '127.0.0.1' }), name: instance };
  const { id } = await driver.create(spec);
  try {
    await driver.start(id);
    const files = ['/proc/self/status', '/proc/sys/net/ipv4/ping_group_range'];
    const { output } = await driver.exec(id, ['/bin/cat', ...files]);
    for (const set of ['CapPrm', 'CapEff', 'CapBnd']) {
      const held = BigInt(`0x${new RegExp(`^${set}:\\s*([0-9a-f]+)$`, 'm').exec(output)?.[1]}`);
      expect(Object.values(bits).filter((bit) => (held >> BigInt(bit)) & 1n)).toEqual([]);
    }
    expect(output).toMatch(/^NoNewPrivs:\s*1$/m);
    // Echo requests by datagrams, which need no right: all groups may send them.
    expect(output).toMatch(/^0\s+2147483647$/m);
  } finally {
    await driver.remove(id);
    driver.close();
    await removeTinyImage();
  }
});
