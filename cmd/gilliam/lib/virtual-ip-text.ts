import type { VirtualIpStatus } from '../../../pkg/registry/status';

/** Which way virtual IPs are translated; undefined where there are none, which is told as what the network is without. */
export function virtualIpText({ translation, reason }: VirtualIpStatus): string | undefined {
  switch (translation) {
    case 'connect':
      return 'virtual IPs are translated at connect, by programs of the kernel';
    case 'nftables':
      return `virtual IPs are translated by nftables alone: ${reason}`;
    case 'none':
      return undefined;
  }
}
