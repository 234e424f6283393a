import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { Rollout, RolloutSpec } from '../../../pkg/gen/gilliam/v1/rollout';
import { CreateRolloutResponse } from '../../../pkg/gen/gilliam/v1/rollout_service';
import { FormationCommand } from '../formation-command';
import { parseCanary } from '../lib/canary';
import { parseDuration } from '../lib/duration';
import { parseRate } from '../lib/rate';
import { nextAfter, rolloutEnd } from '../lib/rollout-view';
import { requireTakenOver, waitForRollout } from '../lib/wait-for-rollout';

export default class Migrate extends FormationCommand {
  static override summary = 'Move what runs to another release, step by step';
  static override description =
    'New instances come up before old ones go: what is ready never falls below the scale factors. With --canary it stops there, until it is promoted or aborted. When new instances crash, do not get healthy, or answer clearly worse than the old ones, everything goes back to where it was, and the command says why.';
  static override examples = [
    '<%= config.bin %> migrate v3',
    '<%= config.bin %> migrate v3 --rate 2/s --surge 2 --wait-healthy 30s',
    {
      command: '<%= config.bin %> migrate v3 --canary 1',
      description: 'One instance of each process first:',
    },
    {
      command: '<%= config.bin %> migrate v3 --canary 10% --weight 5',
      description: 'A tenth of the instances, with exactly 5 % of the requests:',
    },
    { command: '<%= config.bin %> migrate v3 --plan', description: 'See the steps first:' },
  ];
  static override args = {
    release: Args.string({ description: 'where to: v3; default the newest', ignoreStdin: true }),
  };
  static override flags = {
    from: Flags.string({
      description: 'only what runs of this release; default of all others',
      multiple: true,
      helpValue: 'v2',
    }),
    rate: Flags.string({ description: 'how many instances in what time, at most', helpValue: '2/s' }),
    surge: Flags.integer({
      description: 'how many instances of each process there may be beyond its factor; default 1',
      min: 1,
      helpValue: 'N',
    }),
    'wait-healthy': Flags.string({
      description: 'how long a new instance has to be healthy before an old one goes',
      helpValue: 'TIME',
    }),
    deadline: Flags.string({
      description: 'take it back when nothing has got on for so long; default 10m',
      helpValue: 'TIME',
    }),
    canary: Flags.string({ description: 'stop at so many of each process', helpValue: '1|10%' }),
    weight: Flags.integer({
      description: "the canary's exact share of the requests, in hundredths; default by number of instances",
      helpValue: '5',
    }),
    'ignore-requests': Flags.boolean({ description: 'do not judge by error rate and latency' }),
    'allow-missing': Flags.boolean({ description: 'processes that the release lacks may disappear' }),
    message: Flags.string({ char: 'm', description: 'why, for whoever looks later', helpValue: 'TEXT' }),
    'no-wait': Flags.boolean({ description: 'come back at once; the rollout goes on' }),
    plan: Flags.boolean({ description: 'say what the steps would be; change nothing' }),
  };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(Migrate);
    const spec = RolloutSpec.fromPartial({
      to: args.release ?? '-',
      from: flags.from ?? [],
      paceMs: flags.rate === undefined ? 0 : parseRate(flags.rate),
      surge: flags.surge ?? 0,
      waitHealthyMs: flags['wait-healthy'] === undefined ? 0 : parseDuration(flags['wait-healthy']),
      progressDeadlineMs: flags.deadline === undefined ? 0 : parseDuration(flags.deadline),
      canary: parseCanary(flags.canary, flags.weight),
      gates: flags['ignore-requests'] ? { ignoreRequests: true } : undefined,
      allowMissing: flags['allow-missing'],
      message: flags.message ?? '',
    });
    const answer = await this.client.rollouts.createRollout(
      { parent: this.parent, spec, validateOnly: flags.plan },
      { signal: this.context.signal },
    );
    const rollout = answer.rollout ?? Rollout.fromPartial({});
    if (flags.plan) {
      const lines = [`would move to ${rollout.spec?.to}:`, ...answer.steps.map((step) => `  ${step}`)];
      return this.answer(CreateRolloutResponse.toJSON(answer), lines);
    }
    if (flags['no-wait']) {
      this.answer(Rollout.toJSON(rollout), `the rollout to ${rollout.spec?.to} has begun`);
      return this.hint('gilliam events');
    }
    const end = await waitForRollout(rollout, this.#waiting);
    requireTakenOver(end);
    this.answer(Rollout.toJSON(end), rolloutEnd(end));
    this.hint(nextAfter(end));
  }

  get #waiting() {
    return { client: this.client, context: this.context, onStep: (line: string) => this.line(line) };
  }
}
