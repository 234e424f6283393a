import { GilliamError } from '../../../pkg/base/errors';

/** The command line itself is wrong: exit 2. Everything else that fails is exit 1. */
export class UsageError extends GilliamError {
  readonly code = 'USAGE';
}

/** The command's answer says that something is not as it should be: exit 1, and no more words. */
export class AnsweredError extends GilliamError {
  readonly code = 'ANSWERED';
}

/** A command elsewhere has ended so, and has said itself why: its exit code is ours. */
export class CommandExit extends GilliamError {
  readonly code = 'EXITED';

  constructor(readonly exitCode: number) {
    super(`exit ${exitCode}`);
  }
}
