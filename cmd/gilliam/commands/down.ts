import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as Flags from '@oclif/core/flags';
import { UnavailableError } from '../../../pkg/base/errors';
import { Down as StageDown } from '../../../pkg/stage/down';
import { withLock } from '../../../pkg/stage/lock';
import { noSuchStage } from '../../../pkg/stage/own-stages';
import { BaseCommand } from '../base-command';
import { runSteps } from '../lib/run-steps';
import { stageContext } from '../lib/stage-context';

export default class Down extends BaseCommand {
  static override summary = 'Stop the stage on this machine';
  static override description =
    'Stops its instances, its parts, and Docker only where up has started it. The next up starts the instances again. On a machine that has joined a stage it stops what is there, and nothing elsewhere; after "gilliam executor drain", no request notices.';
  static override examples = ['<%= config.bin %> down', '<%= config.bin %> down --keep-instances'];
  static override flags = {
    'keep-instances': Flags.boolean({
      default: false,
      description: 'leave the instances running; the next up takes them over',
      exclusive: ['forget'],
    }),
    forget: Flags.boolean({
      default: false,
      description: "remove the stage's data, volumes and images, too: there is no way back",
    }),
    plan: Flags.boolean({ default: false, description: 'say what would be done; change nothing' }),
  };

  override async run(): Promise<void> {
    const { flags } = await this.parse(Down);
    const stage = stageContext(this.stageName, this.context);
    if (!existsSync(stage.paths.data)) return this.#nothing(flags.plan);
    const down = new StageDown(stage, { keepInstances: flags['keep-instances'], forget: flags.forget });
    const work = () => this.#down(down, flags.plan);
    await (flags.plan ? work() : withLock(join(stage.paths.run, 'lock'), 'up or down', work));
  }

  /** Nothing to stop is no failure, whether it has been forgotten or was never there: but a name may be a wrong one. */
  #nothing(planOnly: boolean): void {
    this.answer({ stage: this.stageName, steps: [] }, planOnly ? 'nothing to do' : 'nothing to stop');
    this.warning(noSuchStage(this.stageName, this.context.env));
  }

  async #down(down: StageDown, planOnly: boolean): Promise<void> {
    const stage = this.stageName;
    const plan = await down.plan(this.context.signal);
    const steps = down.steps(plan.steps);
    const answer = { stage, steps: plan.steps };
    const unseen = `instances of stage ${stage} may be left, as the Docker Engine does not answer: start it, then run gilliam down again`;
    if (planOnly) {
      if (plan.unseen) this.warning(unseen);
      const lines = steps.map(({ title }) => `would ${title}`);
      return this.answer(answer, lines.length > 0 ? lines : `stage ${stage} is down: nothing to do`);
    }
    await runSteps(steps, this.context, this.jsonEnabled());
    if (plan.unseen) throw new UnavailableError(unseen);
    if (down.isUnknown)
      this.warning(
        `nothing was known of stage ${stage} but its directory: what it has at the Docker Engine and in the kernel may be left, docs/operating.md says how to find it`,
      );
    const where = down.isHome ? '' : ' on this machine';
    const state = steps.length > 0 ? 'is down' : 'was down already';
    this.answer(answer, `stage ${stage} ${state}${where}`);
    this.hint('gilliam up');
  }
}
