import { BridgeNetwork } from '../testing/bridge-network';
import { BridgeHairpin } from './hairpin';

jest.setTimeout(60_000);

describe('hairpin mode of a bridge', () => {
  let network: BridgeNetwork;

  beforeEach(async () => {
    network = await BridgeNetwork.create(2);
  });
  afterEach(() => network.remove());

  const hairpin = (bridged: boolean, links?: ReadonlySet<number>) =>
    new BridgeHairpin({
      ...{ address: network.machineAddress, bridged: async () => bridged },
      command: [...network.inside(network.machine), 'ip'],
      links: () => links,
    });
  /** Of each member's port. */
  async function modes(): Promise<readonly (boolean | undefined)[]> {
    const { stdout } = await network.run(network.machine, 'ip', '-j', '-d', 'link', 'show', 'master', 'br0');
    const ports = JSON.parse(stdout) as {
      ifname: string;
      linkinfo: { info_slave_data: { hairpin: boolean } };
    }[];
    return ['v0', 'v1'].map(
      (name) => ports.find(({ ifname }) => ifname === name)?.linkinfo.info_slave_data.hairpin,
    );
  }

  it('is switched on for instances, and left as it is for other containers', async () => {
    await hairpin(true, new Set([await network.link(1)])).allow();
    expect(await modes()).toEqual([false, true]);
    await hairpin(true, new Set()).allow();
    expect(await modes()).toEqual([false, true]);
  });

  it('is switched on for all where nobody knows which lead to instances', async () => {
    await hairpin(true).allow();
    expect(await modes()).toEqual([true, true]);
  });

  it('is left alone where bridged packets do not pass through netfilter', async () => {
    await hairpin(false).allow();
    expect(await modes()).toEqual([false, false]);
  });
});
