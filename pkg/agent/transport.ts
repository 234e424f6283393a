import type { Random } from '../base/random';
import { parseAddresses } from '../client/addresses';
import { connect as connectClient } from '../client/client';
import type { ConnectOptions } from '../client/client';
import type {
  AttachRequest,
  AttachResponse,
  ConnectRequest,
  ConnectResponse,
  SendLogsRequest,
} from '../gen/gilliam/v1/session_service';

/** A connection to one control plane: gRPC in life, memory in tests and in the simulator. */
export interface Transport {
  /**
   * The executor's session: what it sends in, what it is sent out. Ends when the control plane ends it, throws when
   * it breaks.
   */
  session(requests: AsyncIterable<ConnectRequest>, signal: AbortSignal): AsyncIterable<ConnectResponse>;
  /** One answer to a `LogsWanted`; resolves when the control plane has it all or wants no more. */
  sendLogs(requests: AsyncIterable<SendLogsRequest>, signal: AbortSignal): Promise<unknown>;
  /** Answers a `TerminalWanted`; throws when the call breaks, or nobody is there any more. */
  attach(requests: AsyncIterable<AttachRequest>, signal: AbortSignal): AsyncIterable<AttachResponse>;
  close(): void;
}

/** Called for each try to connect: a new connection, to the next control plane where there are several. */
export type Connect = () => Transport;

/**
 * Connections over gRPC, which asks a silent peer for a sign of life every second. Of several control planes each try
 * goes to the next; with `random`, the first one to any, so that they share the executors.
 */
export function grpcConnect(options: ConnectOptions, random?: Random): Connect {
  const addresses = parseAddresses(options.address);
  let next = Math.floor((random?.next() ?? 0) * addresses.length);
  return () => {
    // One only: logs and terminals are brought to whoever has asked for them.
    const address = addresses[next++ % addresses.length] as string;
    // An assignment carries the configuration of each of its instances, and has to be taken whatever comes of that.
    const client = connectClient({ maxReceiveBytes: -1, ...options, address });
    return {
      session: (requests, signal) => client.session.connect(requests, { signal }),
      sendLogs: (requests, signal) => client.session.sendLogs(requests, { signal }),
      attach: (requests, signal) => client.session.attach(requests, { signal }),
      close: () => client.close(),
    };
  };
}
