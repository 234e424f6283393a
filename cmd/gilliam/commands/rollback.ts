import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { Rollout } from '../../../pkg/gen/gilliam/v1/rollout';
import { RollbackResponse } from '../../../pkg/gen/gilliam/v1/rollout_service';
import { FormationCommand } from '../formation-command';
import { formatFactors } from '../lib/factors';
import { requireTakenOver, waitForRollout } from '../lib/wait-for-rollout';

export default class Rollback extends FormationCommand {
  static override summary = 'Go back to an earlier release at once, with its configuration and routes';
  static override description =
    'Makes a release that is what the earlier one was, puts back the routes of its time, and moves to it: all new instances come up at once, and old ones go as they do. A rollout that is under way ends. Without a release, it is the one that ran before.';
  static override examples = [
    '<%= config.bin %> rollback',
    '<%= config.bin %> rollback v1',
    { command: '<%= config.bin %> rollback v1 --plan', description: 'See what would come back:' },
  ];
  static override args = {
    release: Args.string({ description: 'v1; default what ran before', ignoreStdin: true }),
  };
  static override flags = {
    'no-wait': Flags.boolean({ description: 'come back at once; it goes on' }),
    plan: Flags.boolean({ description: 'say what would be done; change nothing' }),
  };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(Rollback);
    const { client, context, parent } = this;
    const answer = await client.rollouts.rollback(
      { parent, release: args.release ?? '', validateOnly: flags.plan },
      { signal: context.signal },
    );
    const rollout = answer.rollout ?? Rollout.fromPartial({});
    const to = rollout.spec?.to ?? '';
    const factors = formatFactors(new Map(Object.entries(rollout.spec?.factors ?? {})));
    if (flags.plan) {
      const lines = [`would make ${to} as ${answer.as} and move to it: ${factors}`, ...routesLine(answer)];
      return this.answer(RollbackResponse.toJSON(answer), lines);
    }
    this.line(`${to} is as ${answer.as} was`);
    for (const line of routesLine(answer)) this.line(line);
    if (rollout.spec?.message.includes(';')) this.warning(rollout.spec.message);
    if (flags['no-wait']) {
      if (this.jsonEnabled()) this.json(RollbackResponse.toJSON(answer));
      return this.hint('gilliam events');
    }
    const end = await waitForRollout(rollout, { client, context, onStep: (line) => this.line(line) });
    requireTakenOver(end);
    const json = { ...(RollbackResponse.toJSON(answer) as object), rollout: Rollout.toJSON(end) };
    this.answer(json, end.status?.message ?? '');
    this.hint('gilliam ps');
  }
}

function routesLine({ routes }: RollbackResponse): string[] {
  return routes.length === 0 ? [] : [`routes as they were then: ${routes.join(', ')}`];
}
