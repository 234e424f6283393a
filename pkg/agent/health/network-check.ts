import { request } from 'node:http';
import { createConnection } from 'node:net';
import type { CheckResult } from '../host';

/** Passes when something accepts the connection. */
export function checkTcp(address: string, port: number, signal: AbortSignal): Promise<CheckResult> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: address, port, signal });
    const finish = (result: CheckResult) => {
      socket.destroy();
      resolve(result);
    };
    socket.on('connect', () => finish({ ok: true, detail: `port ${port} accepts connections` }));
    socket.on('error', (error) => finish({ ok: false, detail: `port ${port}: ${reasonOf(error, signal)}` }));
  });
}

/** Passes when the path is answered with a status from 200 to 399. */
export function checkHttp(
  address: string,
  port: number,
  path: string,
  signal: AbortSignal,
): Promise<CheckResult> {
  return new Promise((resolve) => {
    const finish = (ok: boolean, said: string) => {
      resolve({ ok, detail: `GET ${path} on port ${port} ${said}` });
      call.destroy();
    };
    const call = request(
      {
        host: address,
        port,
        path,
        signal,
        agent: false,
        headers: { 'user-agent': 'gilliam-health', connection: 'close' },
      },
      (response) => {
        const code = response.statusCode ?? 0;
        finish(code >= 200 && code < 400, `answered ${code}`);
      },
    );
    call.on('error', (error) => finish(false, reasonOf(error, signal)));
    call.end();
  });
}

function reasonOf(error: NodeJS.ErrnoException, signal: AbortSignal): string {
  if (signal.aborted) return 'gave no answer in time';
  switch (error.code) {
    case 'ECONNREFUSED':
      return 'refused the connection';
    case 'ECONNRESET':
      return 'reset the connection';
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return 'is not reachable';
    default:
      return error.message;
  }
}
