import { request } from 'node:http';
import { announceToken } from '../registry/announce-token';
import type { RegistryNode } from '../registry/node';
import { makeNode, token } from './registry-nodes';

export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** To announce for the formation `shop`. */
export const shopToken = announceToken(token, 'shop');

/** A node of the registry with small limits, as it is reached over HTTP. */
export class RegistryHttpRig {
  private constructor(
    readonly node: RegistryNode,
    readonly port: number,
  ) {}

  static async start(): Promise<RegistryHttpRig> {
    const node = makeNode('e1', {
      virtualIpStatus: () => ({ translation: 'nftables', reason: 'why' }),
      limits: { writesPerSecond: 5, writesBurst: 20, entriesPerFormation: 3, entriesPerNode: 5, waiting: 4 },
      times: { livenessMs: 30_000, pingMs: 50 },
    });
    const [port = 0] = await node.listen([{ host: '127.0.0.1', port: 0 }]);
    return new RegistryHttpRig(node, port);
  }

  close(): Promise<void> {
    return this.node.close();
  }

  /** On a connection of its own. */
  call(
    method: string,
    path: string,
    options: { body?: string; token?: string; headers?: Record<string, string> } = {},
  ): Promise<HttpAnswer> {
    const { port } = this;
    return new Promise((resolve, reject) => {
      const headers = {
        ...options.headers,
        ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
      };
      const sent = request({ host: '127.0.0.1', port, method, path, headers, agent: false }, (response) => {
        let text = '';
        response.on('data', (data) => (text += String(data)));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, text, headers: response.headers }),
        );
      });
      sent.on('error', reject);
      sent.end(method === 'GET' ? undefined : options.body);
    });
  }
}
