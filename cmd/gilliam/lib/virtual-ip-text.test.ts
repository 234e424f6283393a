import type { VirtualIpStatus } from '../../../pkg/registry/status';
import { virtualIpText } from './virtual-ip-text';

test.each<[VirtualIpStatus['translation'], string, string | undefined]>([
  ['connect', '', 'virtual IPs are translated at connect, by programs of the kernel'],
  [
    'nftables',
    'bpftool is not there: install it',
    'virtual IPs are translated by nftables alone: bpftool is not there: install it',
  ],
  ['none', 'nft is not there: install it', undefined],
])('translated by %s', (translation, reason, text) => {
  expect(virtualIpText({ translation, reason })).toBe(text);
});
