import { existsSync, readFileSync } from 'node:fs';
import { NotFoundError, PreconditionError } from '../base/errors';
import { apiAddressForOthers } from './components';
import { readConfig } from './config';
import type { Invitation } from './invitation';
import type { StagePaths } from './paths';
import { readToken } from './tokens';

/** What another machine has to know to join. Throws NotFoundError and PreconditionError where it is not known here. */
export function inviteTo(paths: StagePaths, version: string): Invitation {
  const { stage } = paths;
  const config = readConfig(paths.config);
  if (!config) {
    throw new NotFoundError(
      `stage "${stage}" is not at home on this machine (nothing in ${paths.data}): invite from the machine, and as the user, that "gilliam up" was run on`,
    );
  }
  if (config.role !== 'stage') {
    throw new PreconditionError(
      `this machine has joined stage "${stage}", and may not invite others: invite from its home, the machine at ${config.api}`,
    );
  }
  const api = apiAddressForOthers(config);
  if (api === undefined || !existsSync(paths.tls.ca)) {
    throw new PreconditionError(
      `stage "${stage}" is of one machine: say first at which of its addresses others reach it, "gilliam up --address HOST"`,
    );
  }
  return {
    ...{ stage, id: config.id, api, version, baseImage: config.baseImage },
    ca: readFileSync(paths.tls.ca, 'utf8'),
    token: readToken(paths.executorToken),
  };
}
