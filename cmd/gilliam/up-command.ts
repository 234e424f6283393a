import * as Flags from '@oclif/core/flags';
import { PreconditionError } from '../../pkg/base/errors';
import type { UpPlan } from '../../pkg/stage/plan-up';
import type { Up } from '../../pkg/stage/up';
import { BaseCommand } from './base-command';
import { runSteps } from './lib/run-steps';

/** What up and join have in common: each brings up what is to be on this machine. */
export abstract class UpCommand extends BaseCommand {
  static readonly upFlags = {
    install: Flags.boolean({ default: false, description: 'install what is missing, as root or by sudo' }),
    'http-port': Flags.integer({
      description: "the router's port for HTTP; default 8080, or the next free one",
      min: 1,
      max: 65535,
    }),
    'https-port': Flags.integer({
      description: "the router's port for HTTPS; default 8443, or the next free one",
      min: 1,
      max: 65535,
    }),
    'host-port-base': Flags.integer({
      description: 'published ports count up from here',
      min: 1024,
      max: 60000,
    }),
    plan: Flags.boolean({ default: false, description: 'say what would be done; change nothing' }),
  };

  /** Does what is left to do; what that was. Undefined when it was only to be said, which it is then. */
  protected async bringUp(
    up: Up,
    { stage, install, plan: planOnly }: { stage: string; install: boolean; plan: boolean },
  ): Promise<UpPlan | undefined> {
    const { signal } = this.context;
    let plan = await up.plan(signal);
    if (plan.problems.length + plan.advice.length > 0 && install && !planOnly) {
      await runSteps([up.installStep()], this.context, this.jsonEnabled());
      plan = await up.plan(signal);
    }
    if (planOnly) {
      const titles = up.steps(plan).map(({ title }) => title);
      const { problems, advice, steps } = plan;
      const lines = [...problems, ...advice, ...titles.map((title) => `would ${title}`)];
      this.answer({ stage, problems, advice, steps }, lines);
      return undefined;
    }
    for (const problem of plan.problems.slice(0, -1)) this.note(problem);
    if (plan.problems.length > 0) throw new PreconditionError(plan.problems.at(-1) ?? '');
    await runSteps(up.steps(plan), this.context, this.jsonEnabled());
    return plan;
  }

  /** What what is up has to do without. */
  protected warnOf({ advice }: UpPlan, { remarks }: Up): void {
    // Where it is not installed, that is why, and what to do.
    for (const remark of advice.length > 0 ? advice : remarks) this.warning(remark);
  }
}
