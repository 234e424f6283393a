import * as Flags from '@oclif/core/flags';
import { Rollout, RolloutSpec_Intent } from '../../../pkg/gen/gilliam/v1/rollout';
import { FormationCommand } from '../formation-command';
import { changeRollout } from '../lib/change-rollout';
import { nextAfter, rolloutEnd } from '../lib/rollout-view';
import { waitForRollout } from '../lib/wait-for-rollout';

export default class Abort extends FormationCommand {
  static override summary = 'Take back the rollout that is under way';
  static override description =
    'Old instances come back up first, new ones go after; the scale factors and the shares of the requests are then what they were. One that has ended is taken back with gilliam rollback.';
  static override examples = ['<%= config.bin %> abort', '<%= config.bin %> abort --no-wait'];
  static override flags = {
    'no-wait': Flags.boolean({ description: 'come back at once; it is taken back all the same' }),
    plan: Flags.boolean({ description: 'say what would be done; change nothing' }),
  };

  override async run(): Promise<void> {
    const { flags } = await this.parse(Abort);
    const { client, context, formation } = this;
    const change = { formation, intent: RolloutSpec_Intent.ABORT, validateOnly: flags.plan } as const;
    const rollout = await changeRollout(client, change, context.signal);
    const to = rollout.spec?.to ?? '';
    if (flags.plan) return this.answer(Rollout.toJSON(rollout), `would take back the rollout to ${to}`);
    if (flags['no-wait']) return this.answer(Rollout.toJSON(rollout), `the rollout to ${to} is taken back`);
    const end = await waitForRollout(rollout, { client, context, onStep: (line) => this.line(line) });
    this.answer(Rollout.toJSON(end), rolloutEnd(end));
    this.hint(nextAfter(end));
  }
}
