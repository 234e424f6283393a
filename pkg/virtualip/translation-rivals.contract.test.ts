import { mkdir, rm, rmdir } from 'node:fs/promises';
import { uptime } from 'node:os';
import { dirname, join } from 'node:path';
import { settingsIn } from '../kernel/translation-settings';
import { table, TranslationRig, web } from '../testing/translation-rig';
import { parseRange } from './address-range';
import type { Services } from './ruleset';
import { settingsCommand } from './translation-settings';
import type { Translator, TranslatorOptions } from './translator';

jest.setTimeout(60_000);

// What is attached to a control group runs for processes in all networks of the kernel.
describe('translation at connect, of networks of one kernel that have one range', () => {
  let rig: TranslationRig;
  beforeAll(async () => {
    rig = await TranslationRig.create();
  });
  afterAll(() => rig.close());
  /** As if this were another network, which sees no pins of the first: a BPF file system is its own to mount. */
  let elsewhere: string;
  const others: Translator[] = [];
  const services = (address: string, member: number): Services => {
    const endpoints = [{ address: rig.network.address(member), port: 9001 }];
    return new Map([['db.other.service', [{ name: 'db.other.service', address, port: 81, endpoints }]]]);
  };
  const otherWith = (options: Partial<TranslatorOptions> = {}) => {
    const translator = rig.sandbox.translator(table, '100.127.248.0/22', {
      pins: join(elsewhere, table),
      ...options,
    });
    others.push(translator);
    return translator;
  };
  const isOn = async (name: string) => {
    const pin = join(elsewhere, name, 'maps', 'settings');
    return settingsIn(await rig.sandbox.bpftool.ask('map', 'dump', 'pinned', pin))?.until !== 0;
  };
  /** An address of the range that both have. */
  const shared = '100.127.248.9';

  beforeEach(async () => {
    await rig.prepare();
    elsewhere = join(rig.sandbox.pins, 'elsewhere');
    await mkdir(elsewhere);
  });
  afterEach(async () => {
    for (const other of others.splice(0)) await other.remove();
    await rm(elsewhere, { recursive: true });
    await rig.clear();
  });

  it('is off in both where each sees the other’s pins, and comes back when one has gone', async () => {
    const { ips, translation } = await rig.start();
    await rig.registry.put('shop/web.1', rig.at(1));
    const address = await ips.addressOf(web);
    const other = rig.sandbox.translator('gilliam_other', '100.127.248.0/22');
    await expect(other.begin()).rejects.toThrow('gilliam_test and gilliam_other both have addresses');
    // nftables has it, so the machine is in between.
    expect(await rig.seenBy(address)).toBe(rig.network.machineAddress);
    await rig.until(() => !translation.isOn);
    await other.remove();
    await rig.until(() => translation.isOn);
    expect(await rig.seenBy(address)).toBe(rig.network.address(0));
  });

  it('neither translates, wherever their pins are: nobody is led to what is not its own', async () => {
    const { ips, translation } = await rig.start();
    await rig.registry.put('shop/web.1', rig.at(1));
    const address = await ips.addressOf(web);
    const other = otherWith();
    await expect(other.begin().then(() => other.bringInStep(undefined, services(shared, 2)))).rejects.toThrow(
      'both have addresses of 100.127.248.0/22',
    );
    // In the first network nobody has this address.
    expect((await rig.get(`${shared}:81`)).stdout).toBe('');
    expect(await rig.seenBy(address)).toBe(rig.network.machineAddress);
    await rig.until(() => !translation.isOn);
    await other.remove();
    await rig.until(() => translation.isOn);
    expect(await rig.seenBy(address)).toBe(rig.network.address(0));
  });

  it('the one that comes later serves by nftables at once, and is on when the other has gone', async () => {
    const first = otherWith();
    await first.begin();
    await first.bringInStep(undefined, services(shared, 2));
    const { ips, translation } = await rig.start({}, { isOn: false });
    await rig.registry.put('shop/web.1', rig.at(1));
    const address = await ips.addressOf(web);
    expect(await rig.seenBy(address)).toBe(rig.network.machineAddress);
    await rig.registry.put('shop/web.2', rig.at(2));
    await rig.registry.remove('shop/web.1');
    expect((await rig.get(address)).stdout).toBe(`two ${rig.network.machineAddress}`);
    await first.remove();
    await rig.until(() => translation.isOn);
    expect(await rig.seenBy(address)).toBe(rig.network.address(0));
  });

  it('the one that waits only looks: nothing is written or attached again and again', async () => {
    const first = otherWith();
    await first.begin();
    await rig.start({}, { isOn: false });
    const looks = () => rig.asked.filter((command) => command === 'map show').length;
    const after = async (count: number) => {
      const end = looks() + count;
      await rig.until(() => looks() >= end);
    };
    await after(1);
    rig.written.splice(0);
    rig.asked.splice(0);
    const attached = await rig.sandbox.bpftool.ask('cgroup', 'show', rig.sandbox.cgroup);
    await after(3);
    expect(rig.written).toEqual([]);
    expect(rig.asked.filter((command) => /maps\/(services|targets)/.test(command))).toEqual([]);
    expect(await rig.sandbox.bpftool.ask('cgroup', 'show', rig.sandbox.cgroup)).toEqual(attached);
  });

  it('neither translates, whichever looks first, when both begin at once', async () => {
    for (let turn = 0; turn < 5; turn++) {
      const both = [otherWith(), otherWith({ pins: join(elsewhere, 'gilliam_too') })];
      const begun = await Promise.allSettled(
        both.map(async (one) => {
          await one.begin();
          await one.bringInStep(undefined, services(shared, 2));
        }),
      );
      expect(begun.map(({ status }) => status)).toContain('rejected');
      expect([await isOn(table), await isOn('gilliam_too')]).toEqual([false, false]);
      for (const other of others.splice(0)) await other.remove();
    }
  });

  it('one that is switched off while it says that it goes on sees the other', async () => {
    let uptimeS = uptime();
    const first = otherWith({ uptimeS: () => uptimeS });
    await first.begin();
    await first.bringInStep(undefined, services(shared, 2));
    const second = otherWith({ pins: join(elsewhere, 'gilliam_too') });
    await expect(second.begin()).rejects.toThrow('gilliam_test and gilliam_too both have');
    uptimeS += 40;
    await expect(first.bringInStep(services(shared, 2), services(shared, 2))).rejects.toThrow(
      'gilliam_too and gilliam_test both have',
    );
    expect(await isOn(table)).toBe(false);
  });

  it('neither translates where one has its programs at a control group below that of the other', async () => {
    const below = join(rig.sandbox.cgroup, 'below');
    await mkdir(below);
    try {
      const above = otherWith();
      await above.begin();
      await above.bringInStep(undefined, services(shared, 2));
      const pins = join(rig.sandbox.pins, 'below');
      await mkdir(pins);
      const inner = otherWith({ cgroup: below, pins: join(pins, table) });
      await expect(inner.begin()).rejects.toThrow('another network of this kernel (BPF map ');
      await expect(above.begin()).rejects.toThrow('another network of this kernel (BPF map ');
      // Beside each other, programs run for different processes.
      await above.remove();
      await inner.begin();
      const beside = join(rig.sandbox.cgroup, 'beside');
      await mkdir(beside);
      await otherWith({ cgroup: beside }).begin();
      for (const other of others.splice(0)) await other.remove();
      await rmdir(beside);
      await rmdir(pins);
    } finally {
      await rmdir(below);
    }
  });

  it('a network of another version is switched off as well, and its settings are left as it has them', async () => {
    const pin = join(elsewhere, 'gilliam_old', 'maps', 'settings');
    await mkdir(dirname(pin), { recursive: true });
    const { first, last } = parseRange('100.127.248.0/22');
    await rig.sandbox.bpftool.batch([
      `map create ${pin} type array key 4 value 16 entries 1 name settings`,
      settingsCommand(`pinned ${pin}`, { until: 4_000_000_000, first, last, layout: 1 }),
    ]);
    const other = otherWith();
    await expect(other.begin()).rejects.toThrow('gilliam_old and gilliam_test both have');
    const dump = await rig.sandbox.bpftool.ask('map', 'dump', 'pinned', pin);
    expect(settingsIn(dump)).toEqual({ until: 0, first, last, layout: 1 });
    await rm(join(elsewhere, 'gilliam_old'), { recursive: true });
    await other.begin();
  });
});
