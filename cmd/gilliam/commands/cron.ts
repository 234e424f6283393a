import * as Flags from '@oclif/core/flags';
import { CronJob } from '../../../pkg/gen/gilliam/v1/cron_job';
import { FormationCommand } from '../formation-command';
import { cronCells, cronHeading } from '../lib/cron-view';
import { listAll } from '../lib/list-all';
import { renderTable } from '../lib/table';

export default class Cron extends FormationCommand {
  static override summary = 'List the cron jobs: when each is due next, and what became of its last run';
  static override description =
    'A job runs as an instance of its own, in the environment of the release that runs then. A run that is due while the last one is under way is left out, unless the job says otherwise; of runs that were missed, the last is made up for if it is younger than the job’s catch-up (1 minute).';
  static override examples = [
    '<%= config.bin %> cron',
    { command: '<%= config.bin %> cron -A', description: 'Those of all formations:' },
  ];
  static override flags = {
    all: Flags.boolean({ char: 'A', description: 'of every formation of the stage' }),
  };

  override async run(): Promise<void> {
    const { flags } = await this.parse(Cron);
    const parent = flags.all ? 'formations/-' : this.parent;
    const { signal, clock } = this.context;
    const { items } = await listAll(
      (pageToken) => this.client.cron.listCronJobs({ parent, pageToken }, { signal }),
      ({ cronJobs }) => cronJobs,
    );
    const rows = items.map((job) => [
      ...(flags.all ? [job.metadata?.formation ?? ''] : []),
      ...cronCells(job, clock.now()),
    ]);
    const heading = this.context.stdout.isTerminal
      ? [...(flags.all ? ['FORMATION'] : []), ...cronHeading]
      : undefined;
    this.answer(
      items.map((job) => CronJob.toJSON(job)),
      renderTable(rows, { heading, colors: this.colors }),
    );
    if (items.length === 0) this.hint("gilliam cron set nightly '30 2 * * *' rake report");
  }
}
