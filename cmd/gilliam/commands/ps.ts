import * as Flags from '@oclif/core/flags';
import { Instance, InstanceState } from '../../../pkg/gen/gilliam/v1/instance';
import { isFinished } from '../../../pkg/resource/instance';
import { FormationCommand } from '../formation-command';
import { UsageError } from '../lib/errors';
import { every } from '../lib/every';
import { followInstances, listInstances } from '../lib/follow-instances';
import { compareInstances, instanceLine } from '../lib/instance-line';
import { listAll } from '../lib/list-all';
import { rolloutLine } from '../lib/rollout-view';
import { suggestCurl } from '../lib/route-hint';
import { Screen } from '../lib/screen';

export default class Ps extends FormationCommand {
  static override summary = 'List the instances';
  static override description =
    'One line an instance: name, release, state and since when, host and port. Restarts are shown where there were some, and why an instance does not run. A rollout that is under way has a line of its own: where it is, and what it waits for.';
  static override examples = [
    '<%= config.bin %> ps',
    { command: '<%= config.bin %> ps --watch', description: 'Keep the list on the screen:' },
    { command: '<%= config.bin %> ps -A', description: 'Those of all formations:' },
  ];
  static override flags = {
    all: Flags.boolean({ char: 'a', description: 'also those that are stopped, failed or lost' }),
    'all-formations': Flags.boolean({ char: 'A', description: 'of every formation of the stage' }),
    watch: Flags.boolean({ char: 'w', description: 'print again after each change, until interrupted' }),
  };

  override async run(): Promise<void> {
    const { flags } = await this.parse(Ps);
    const everywhere = flags['all-formations'];
    const parent = everywhere ? 'formations/-' : this.parent;
    const lines = (instances: readonly Instance[]) =>
      instances.map((instance) =>
        instanceLine(instance, {
          nowMs: this.context.clock.now(),
          colors: this.colors,
          withFormation: everywhere,
        }),
      );
    if (flags.watch) {
      if (this.jsonEnabled())
        throw new UsageError('--watch and --json do not go together: use the API’s Watch');
      return this.#watch(parent, (instances) => lines(select(instances, flags.all)));
    }
    const { signal } = this.context;
    const [{ items }, rollouts] = await Promise.all([
      listInstances(this.client, { parent, showFinished: flags.all }, signal),
      this.#rollouts(parent),
    ]);
    const shown = select(items, flags.all);
    this.answer(
      shown.map((instance) => Instance.toJSON(instance)),
      [...lines(shown), ...rollouts],
    );
    if (shown.length === 0) return this.hint('gilliam scale web=1');
    await this.hintFrom(() =>
      suggestCurl(this.client, this.stageFile.router, { parent, signal: this.context.signal }),
    );
  }

  /** A line of each that is under way; for people only, as programs ask for it itself. */
  async #rollouts(parent: string): Promise<string[]> {
    if (this.jsonEnabled()) return [];
    const { items } = await listAll(
      (pageToken) =>
        this.client.rollouts.listRollouts({ parent, pageToken }, { signal: this.context.signal }),
      ({ rollouts }) => rollouts,
    );
    return items.flatMap((rollout) => {
      const line = rolloutLine(rollout);
      const whose = parent.endsWith('/-') ? `${rollout.metadata?.formation}: ` : '';
      return line === undefined ? [] : [`${whose}${line}`];
    });
  }

  async #watch(parent: string, render: (instances: readonly Instance[]) => readonly string[]): Promise<void> {
    const { stdout, clock } = this.context;
    const screen = new Screen(stdout);
    let latest: readonly Instance[] = [];
    const show = () => screen.show(render(latest));
    // Ages go on when nothing else does.
    const ticker = stdout.isTerminal ? every(clock, 1000, show) : undefined;
    try {
      for await (latest of followInstances(this.client, parent, this.context)) show();
    } finally {
      ticker?.dispose();
    }
  }
}

function select(instances: readonly Instance[], finishedToo: boolean): Instance[] {
  return instances
    .filter(({ status }) => finishedToo || !isFinished(status?.state ?? InstanceState.UNSPECIFIED))
    .sort(compareInstances);
}
