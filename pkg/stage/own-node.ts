import { registryAddress } from './components';
import { readConfig } from './config';
import type { StagePaths } from './paths';

/** A machine's node of the stage's registry, as programs on the machine reach it. */
export interface OwnNode {
  readonly executor: string;
  readonly url: string;
}

/** This machine's node, which answers without the control plane; undefined where it has none, or is not to be known. */
export function ownNode({ config: path }: Pick<StagePaths, 'config'>): OwnNode | undefined {
  try {
    const config = readConfig(path);
    return config?.network && { executor: config.executor.name, url: `http://${registryAddress(config)}` };
  } catch {
    // It may be another user's.
    return undefined;
  }
}
