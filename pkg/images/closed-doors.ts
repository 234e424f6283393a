import { connect } from 'node:net';
import { messageOf } from '../base/errors';
import type { Logger } from '../base/log';
import type { ImageEngine } from './image-engine';

export interface ClosedDoorsOptions {
  readonly engine: Pick<ImageEngine, 'allNames' | 'untag'>;
  readonly log: Logger;
}

/**
 * Names that images were given for the way through a door (engine-door.ts) whose process was killed: they would keep the
 * images for ever. Those of open doors are somebody's who is at it.
 */
export class ClosedDoors {
  #looked: Promise<void> | undefined;

  constructor(private readonly options: ClosedDoorsOptions) {}

  /** Takes them from images of the repository, once; a failure is not the caller's. */
  forget(repository: string, signal: AbortSignal): Promise<void> {
    return (this.#looked ??= this.#forget(repository, signal).catch((error: unknown) => {
      this.#looked = undefined;
      this.options.log.info('no look at names of images that were left', { error: messageOf(error) });
    }));
  }

  async #forget(repository: string, signal: AbortSignal): Promise<void> {
    const { engine, log } = this.options;
    for (const name of await engine.allNames(signal)) {
      const [, host, port, path, tag] = /^(127\.0\.0\.1:(\d+))\/(.+):([^:/]+)$/.exec(name) ?? [];
      if (path !== repository || tag === undefined || (await isOpen(Number(port)))) continue;
      // One that is in use may not lose its last name.
      const kept = await engine.untag({ repository: `${host}/${path}`, tag }, signal).catch(messageOf);
      log.info('a name of an image was left by a process that was killed', { name, ...(kept && { kept }) });
    }
  }
}

/** Whether somebody may listen there. */
function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code !== 'ECONNREFUSED'));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}
