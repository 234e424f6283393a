import { setMaxListeners } from 'node:events';
import * as Flags from '@oclif/core/flags';
import { createColors } from 'picocolors';
import { InvalidError } from '../../pkg/base/errors';
import { ApplyFormationResponse } from '../../pkg/gen/gilliam/v1/apply_service';
import { FormationCommand } from './formation-command';
import { findManifests } from './lib/apply-files';
import { type FormationPlan, planLines, planName } from './lib/apply-plan';
import { type Mode, planSystem, readSystem, type System } from './lib/apply-system';

/** What `apply` and `diff` have in common: manifests are read, and the control plane says what they would change. */
export abstract class ApplyCommand extends FormationCommand {
  static readonly fileFlag = Flags.string({
    char: 'f',
    description:
      'a manifest, or a directory: every gilliam.yml in it and below; may be given several times; default the nearest one, here or above',
    helpValue: 'PATH',
    multiple: true,
    multipleNonGreedy: true,
  });
  static readonly pruneFlag = Flags.boolean({
    description:
      'also remove what was once applied and is no longer described: routes, cron jobs and processes; a formation is removed by gilliam destroy only',
  });

  static readonly retryFlag = Flags.boolean({
    description: 'begin a rollout again that was taken back, though nothing has changed since',
  });

  /** Reads all that is meant. Of several faults all are printed, each on a line of its own. */
  protected async readSystem(files: readonly string[], message?: string): Promise<System> {
    const { cwd, env, signal } = this.context;
    // As many calls at once listen to it as there are formations read at once.
    setMaxListeners(0, signal);
    const found = findManifests(files, cwd);
    const formation = this.globalFlag('formation');
    const load = { cwd, env, stage: this.stageName, ...(formation !== undefined && { formation }) };
    try {
      const options = { env, signal, ...(message !== undefined && { message }) };
      return await readSystem(this.client, found, load, options);
    } catch (error) {
      if (!(error instanceof InvalidError) || error.violations.length < 2) throw error;
      const descriptions = error.violations.map(({ description }) => description);
      const { red } = createColors(this.context.stderr.colors);
      for (const each of descriptions.slice(0, -1)) this.note(`${red('error:')} ${each}`);
      throw new InvalidError(descriptions.at(-1) ?? error.message, error.violations, { cause: error });
    }
  }

  protected plan(system: System, mode: Mode): Promise<FormationPlan[]> {
    if (mode.prune && system.members.length > 1) {
      this.note('--prune removes no formation: of one that is no longer described, gilliam destroy NAME');
    }
    return planSystem(this.client, system, { ...mode, signal: this.context.signal });
  }

  /** Says what would be done; for programs, all of it. */
  protected answerPlan(plans: readonly FormationPlan[]): void {
    const plan = planName(plans);
    const formations = plans.map(({ formation, answer }) => ({
      formation,
      ...(ApplyFormationResponse.toJSON(answer) as object),
    }));
    const lines = plans.flatMap((each) => planLines(each, this.colors));
    const changes = plans.some(({ answer }) => answer.changes.length > 0);
    this.answer({ plan, formations }, changes ? [...lines, `plan ${plan}`] : lines);
  }
}
