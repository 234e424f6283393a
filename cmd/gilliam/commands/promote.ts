import * as Flags from '@oclif/core/flags';
import { Rollout, RolloutSpec_Intent } from '../../../pkg/gen/gilliam/v1/rollout';
import { FormationCommand } from '../formation-command';
import { changeRollout } from '../lib/change-rollout';
import { nextAfter, rolloutEnd } from '../lib/rollout-view';
import { requireTakenOver, waitForRollout } from '../lib/wait-for-rollout';

export default class Promote extends FormationCommand {
  static override summary = 'Go on from the canary to the end';
  static override description =
    'The rest of the instances moves as the rollout was begun: at its rate, with its surge, and with the same verdicts. Requests are shared by the number of instances from here on.';
  static override examples = ['<%= config.bin %> promote', '<%= config.bin %> promote --no-wait'];
  static override flags = {
    'no-wait': Flags.boolean({ description: 'come back at once; the rollout goes on' }),
    plan: Flags.boolean({ description: 'say what would be done; change nothing' }),
  };

  override async run(): Promise<void> {
    const { flags } = await this.parse(Promote);
    const { client, context, formation } = this;
    const change = { formation, intent: RolloutSpec_Intent.PROMOTE, validateOnly: flags.plan } as const;
    const rollout = await changeRollout(client, change, context.signal);
    const to = rollout.spec?.to ?? '';
    if (flags.plan) return this.answer(Rollout.toJSON(rollout), `would move the rest to ${to}`);
    if (flags['no-wait']) return this.answer(Rollout.toJSON(rollout), `the rest moves to ${to}`);
    const end = await waitForRollout(rollout, { client, context, onStep: (line) => this.line(line) });
    requireTakenOver(end);
    this.answer(Rollout.toJSON(end), rolloutEnd(end));
    this.hint(nextAfter(end));
  }
}
