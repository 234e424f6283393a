import { isThisMachine } from '../../pkg/proxy/this-machine';

/** The resolver's own port at an address of names, which the kernel leads to where it listens. */
const namePort = 53;

/** Whether one gets to the resolver there: at the virtual addresses, or where it really listens. */
export function isResolverPlace(
  { address, port }: { readonly address: string; readonly port: number },
  resolver: { readonly port: number; readonly isVirtual: (address: string) => boolean },
): boolean {
  return (
    (port === namePort && resolver.isVirtual(address)) || (port === resolver.port && isThisMachine(address))
  );
}
