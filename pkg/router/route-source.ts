import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { backoffMs } from '../base/backoff';
import type { Clock } from '../base/clock';
import { sleep } from '../base/clock';
import { messageOf } from '../base/errors';
import type { Logger } from '../base/log';
import type { Random } from '../base/random';
import type { Client } from '../client/client';
import { FollowRoutesResponse } from '../gen/gilliam/v1/router_service';
import type { Route } from '../resource/objects';

const backoff = { startMs: 100, capMs: 5_000, jitter: 0.5 } as const;

export type OnRoutes = (routes: readonly Route[], held?: readonly string[]) => void;

/** Where the routes come from. */
export interface RouteSource {
  /**
   * Tells all routes, and the services whose requests are to be held while they have no instance (`web.shop`): those of
   * last time at once, where there are any, and then whenever they change.
   */
  follow(onRoutes: OnRoutes, signal: AbortSignal): Promise<void>;
}

export interface ApiRouteSourceOptions {
  readonly client: Pick<Client, 'router'>;
  /** The router's name, for logs. */
  readonly name: string;
  /** The last table, for when there is no control plane; with private keys, hence nobody else's to read. */
  readonly file: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Routes as the control plane tells them, kept on disk. */
export class ApiRouteSource implements RouteSource {
  constructor(private readonly options: ApiRouteSourceOptions) {}

  async follow(onRoutes: OnRoutes, signal: AbortSignal): Promise<void> {
    const { client, name, clock, random, log } = this.options;
    const kept = this.#read();
    if (kept) onRoutes(routesIn(kept), kept.heldServices);
    for (let failures = 0; !signal.aborted;) {
      try {
        for await (const table of client.router.followRoutes({ name }, { signal })) {
          if (failures > 0) log.info('the control plane tells routes again');
          failures = 0;
          this.#keep(table);
          onRoutes(routesIn(table), table.heldServices);
        }
      } catch (error) {
        if (signal.aborted) return;
        const level = failures++ === 0 ? 'info' : 'debug';
        log[level]('no routes from the control plane: going on with the last ones', {
          error: messageOf(error),
        });
      }
      await sleep(clock, backoffMs(backoff, failures, random), signal).catch(() => {});
    }
  }

  #read(): FollowRoutesResponse | undefined {
    try {
      return FollowRoutesResponse.fromJSON(JSON.parse(readFileSync(this.options.file, 'utf8')));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        this.options.log.warn('the last routes cannot be read', { error: messageOf(error) });
      }
      return undefined;
    }
  }

  #keep(table: FollowRoutesResponse): void {
    const { file, log } = this.options;
    try {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      writeFileSync(`${file}.new`, JSON.stringify(FollowRoutesResponse.toJSON(table)), { mode: 0o600 });
      renameSync(`${file}.new`, file);
    } catch (error) {
      log.warn('the routes cannot be kept for when there is no control plane', { error: messageOf(error) });
    }
  }
}

function routesIn({ routes }: FollowRoutesResponse): Route[] {
  return routes.filter((route): route is Route => route.metadata !== undefined && route.spec !== undefined);
}
