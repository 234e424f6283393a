import { parseAddresses } from '../../client/addresses';
import { connect, type ConnectOptions } from '../../client/client';
import type {
  PrepareImageRequest,
  PrepareImageResponse,
  ReadImageRequest,
  ReadImageResponse,
} from '../../gen/gilliam/v1/image_service';

/** A control plane, asked for one image. */
export interface ImageSource {
  prepare(request: PrepareImageRequest, signal: AbortSignal): AsyncIterable<PrepareImageResponse>;
  read(request: ReadImageRequest, signal: AbortSignal): AsyncIterable<ReadImageResponse>;
  close(): void;
}

/** A connection of its own for each image, so that what is large never stands before what the session has to say. */
export type ConnectImages = () => ImageSource;

/** A pipe of 100 MB/s over 40 ms. */
const windowBytes = 4 * 2 ** 20;

/** Of several control planes each image, and each try, goes to the next. */
export function grpcImages(options: ConnectOptions): ConnectImages {
  const addresses = parseAddresses(options.address);
  let next = 0;
  return () => {
    const address = addresses[next++ % addresses.length] as string;
    const client = connect({ ...options, address, windowBytes });
    return {
      prepare: (request, signal) => client.images.prepareImage(request, { signal }),
      read: (request, signal) => client.images.readImage(request, { signal }),
      close: () => client.close(),
    };
  };
}
