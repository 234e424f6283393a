import {
  DeadlineError,
  DeniedError,
  ExistsError,
  PreconditionError,
  UnauthenticatedError,
  UnavailableError,
} from '../base/errors';
import { connectionFailure } from '../client/connection-failure';
import { ExecutorState, type Executor } from '../gen/gilliam/v1/executor';
import type { GetStageResponse } from '../gen/gilliam/v1/stage_service';
import { type Invitation, versionsFit } from './invitation';
import type { StageContext } from './step';

const deadlineMs = 10_000;

/** The machine that wants to join, as the stage would know it. */
export interface Candidate {
  readonly name: string;
  /** At which others would reach it. */
  readonly address: string;
}

/** Throws PreconditionError unless this Gilliam and that of the stage understand each other. */
export function checkVersions(stage: string, theirs: string, ours: string): void {
  if (versionsFit(theirs, ours)) return;
  throw new PreconditionError(
    `stage "${stage}" runs Gilliam ${theirs}, and this is ${ours}: have the same version on all machines`,
  );
}

/** Asks the stage whether the machine could join. Throws what keeps it from that, with what to do. */
export async function checkInvitation(
  { connect, version }: Pick<StageContext, 'connect' | 'version'>,
  invitation: Invitation,
  candidate: Candidate,
  signal: AbortSignal,
): Promise<void> {
  const { api, ca, token, stage } = invitation;
  const client = connect({ address: api, ca, token, stage });
  try {
    const asked = { executor: `executors/${candidate.name}` };
    const found = await client.stage.getStage(asked, { deadlineMs, signal });
    checkAnswer(found, invitation, candidate, version);
  } catch (error) {
    throw explained(error, invitation);
  } finally {
    client.close();
  }
}

function checkAnswer(
  found: GetStageResponse,
  { stage, api }: Invitation,
  candidate: Candidate,
  ours: string,
): void {
  if (found.stage !== stage) {
    throw new PreconditionError(
      `at ${api} is stage "${found.stage}", and the invitation is to "${stage}": make a new one there`,
    );
  }
  checkVersions(stage, found.version, ours);
  if (!found.executor || !isElsewhere(found.executor, candidate)) return;
  const { name } = candidate;
  throw new ExistsError(
    `stage "${stage}" has an executor ${name} already, at ${found.executor.status?.host}: choose another name with --name`,
  );
}

/** One that has gone may be this machine before it was set up anew, or had another address. */
function isElsewhere({ status }: Executor, { address }: Candidate): boolean {
  const connected = status?.state === ExecutorState.READY || status?.state === ExecutorState.JOINING;
  return connected && status.host !== address;
}

function explained(error: unknown, { stage, api }: Invitation): unknown {
  const again = 'make a new invitation with "gilliam executor invite" on the machine of the stage';
  const options = { cause: error };
  if (error instanceof UnavailableError) {
    const { reason, certificate } = connectionFailure(error);
    return certificate
      ? new PreconditionError(
          `what answers at ${api} shows a certificate that is not one of stage "${stage}" (${reason}): was the stage made anew, or is another one there? ${again}`,
          options,
        )
      : new UnavailableError(
          `stage "${stage}" cannot be reached at ${api} (${reason}): is it up, and does a firewall let this machine through?`,
          options,
        );
  }
  if (error instanceof DeadlineError) {
    const why = `no answer within ${deadlineMs / 1000} s`;
    return new UnavailableError(
      `stage "${stage}" cannot be reached at ${api} (${why}): is it up, and does a firewall let this machine through?`,
      options,
    );
  }
  if (error instanceof UnauthenticatedError || error instanceof DeniedError) {
    return new UnauthenticatedError(
      `stage "${stage}" at ${api} refuses the token of the invitation: was the stage made anew? ${again}`,
      options,
    );
  }
  return error;
}
