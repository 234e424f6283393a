import { silentLogger } from '../../pkg/base/log';
import { VirtualClock } from '../../pkg/testing/virtual-clock';
import { gatewayOf, instanceAddress, whenThere } from './instance-address';

function harness() {
  const clock = new VirtualClock();
  return { clock, wait: { clock, log: silentLogger, signal: new AbortController().signal } };
}

describe('the address of this machine for instances', () => {
  it.each([
    ['a gateway', [{ Subnet: '172.17.0.0/16', Gateway: '172.17.0.1' }], '172.17.0.1'],
    ['a subnet only', [{ Subnet: '172.17.0.0/16' }], '172.17.0.1'],
    ['a subnet by the bridge’s address', [{ Subnet: '10.9.0.1/24' }], '10.9.0.1'],
    ['IPv6 first', [{ Subnet: 'fd00::/64', Gateway: 'fd00::1' }, { Gateway: '172.20.0.1' }], '172.20.0.1'],
    ['nothing', [], undefined],
    ['no list', null, undefined],
  ])('of %s', (_what, Config, expected) => {
    expect(gatewayOf({ IPAM: { Config } })).toBe(expected);
  });

  it('is asked for until the engine answers', async () => {
    const { clock, wait } = harness();
    let asked = 0;
    const inspect = async () => {
      if (++asked < 3) throw new Error('connect ENOENT /var/run/docker.sock');
      return { IPAM: { Config: [{ Gateway: '172.17.0.1' }] } };
    };
    const address = instanceAddress({ getNetwork: () => ({ inspect }) } as never, wait);
    await clock.advance(10_000);
    expect(await address).toBe('172.17.0.1');
    expect(asked).toBe(3);
  });

  it('is listened at once it exists', async () => {
    const { clock, wait } = harness();
    let tries = 0;
    const listening = whenThere(async () => {
      const cause = Object.assign(new Error('not there'), { code: 'EADDRNOTAVAIL' });
      if (++tries < 4) throw tries % 2 === 0 ? cause : new Error('cannot listen', { cause });
      return 'listening';
    }, wait);
    await clock.advance(10_000);
    expect(await listening).toBe('listening');
  });

  it('is not waited for when the port is taken', async () => {
    const taken = Object.assign(new Error('taken'), { code: 'EADDRINUSE' });
    await expect(whenThere(() => Promise.reject(taken), harness().wait)).rejects.toBe(taken);
  });
});
