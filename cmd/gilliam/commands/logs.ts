import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import type { StreamLogsRequest } from '../../../pkg/gen/gilliam/v1/log_service';
import type { DeepPartial } from '../../../pkg/gen/gilliam/v1/metadata';
import { countOf, type LogBatch } from '../../../pkg/resource/log-chunk';
import { FormationCommand } from '../formation-command';
import { UsageError } from '../lib/errors';
import { followLogs } from '../lib/follow-logs';
import { LogPrinter } from '../lib/log-printer';
import { logsInOrder } from '../lib/logs-in-order';
import { parseMoment } from '../lib/moment';

export default class Logs extends FormationCommand {
  static override summary = 'Show what instances print';
  static override description =
    'Each line stands behind the name of its instance. With --follow, instances that start later are followed too. What instances that are gone have printed is kept on their executor: at most 64 MiB a formation, for 7 days. It is shown with --all, and with --since, --until and --release, unless --no-all. With --json each line is one JSON object: instance, release, stream, time, line.';
  static override examples = [
    '<%= config.bin %> logs',
    { command: '<%= config.bin %> logs -f web', description: 'All instances of web, as it happens:' },
    '<%= config.bin %> logs web.1 --tail 100',
    '<%= config.bin %> logs --since 5m',
    {
      command:
        '<%= config.bin %> logs -r v2 -g ERROR --since 2026-01-31T08:00:00Z --until 2026-01-31T09:00:00Z',
      description: 'What went wrong with v2 between 8 and 9, though it is gone:',
    },
  ];
  static override args = {
    sources: Args.string({
      description: 'processes (web) and instances (web.1); default all',
      multiple: true,
      ignoreStdin: true,
    }),
  };
  static override flags = {
    follow: Flags.boolean({ char: 'f', description: 'go on as more is printed, until interrupted' }),
    tail: Flags.integer({
      char: 'n',
      description: 'the last N lines of each instance; default all',
      min: 0,
      helpValue: 'N',
    }),
    all: Flags.boolean({
      char: 'a',
      description: 'also what instances that are gone have printed',
      allowNo: true,
    }),
    since: Flags.string({
      description: 'only lines of the last while (90s, 5m, 2h), or from a moment on (2026-01-31T08:00:00Z)',
      helpValue: 'TIME',
    }),
    until: Flags.string({ description: 'only lines before that: as --since', helpValue: 'TIME' }),
    release: Flags.string({
      char: 'r',
      description: 'only lines of this release: v2',
      helpValue: 'RELEASE',
    }),
    grep: Flags.string({
      char: 'g',
      description: 'only lines that have this text in them; the others are not even sent',
      helpValue: 'TEXT',
    }),
    timestamps: Flags.boolean({ char: 't', description: 'put the time before each line' }),
  };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(Logs);
    const { stdout, clock, signal } = this.context;
    const since = flags.since ? parseMoment(flags.since, clock.now()) : undefined;
    const until = flags.until ? parseMoment(flags.until, clock.now()) : undefined;
    if (flags.follow && until) throw new UsageError('--follow goes on, --until ends: give one of them');
    const printer = new LogPrinter(stdout, { json: this.jsonEnabled(), timestamps: flags.timestamps });
    const request = {
      parent: this.parent,
      sources: args.sources ?? [],
      follow: flags.follow,
      tailLines: flags.tail,
      ...{ since, until, release: flags.release, contains: flags.grep },
      showFinished: flags.all ?? (since !== undefined || until !== undefined || flags.release !== undefined),
    };
    let printed = false;
    // Followed, they come as they are printed, and so in order.
    const open = (each: DeepPartial<StreamLogsRequest>) => this.#read(each);
    const onLost = () => this.note('the control plane does not answer: the logs go on when it does');
    const batches = flags.follow
      ? followLogs(open, request, this.context, onLost)
      : logsInOrder(open(request));
    for await (const batch of batches) {
      printer.print(batch);
      printed ||= countOf(batch) > 0;
      await stdout.drained(signal);
    }
    if (!printed) this.hint('gilliam ps');
  }

  #read(request: DeepPartial<StreamLogsRequest>): AsyncIterable<LogBatch> {
    return this.client.logs.streamLogs({ ...request, packed: true }, { signal: this.context.signal });
  }
}
