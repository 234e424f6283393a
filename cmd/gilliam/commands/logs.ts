import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import type { LogLine, StreamLogsRequest } from '../../../pkg/gen/gilliam/v1/log_service';
import type { DeepPartial } from '../../../pkg/gen/gilliam/v1/metadata';
import { FormationCommand } from '../formation-command';
import { parseDuration } from '../lib/duration';
import { LogPrinter } from '../lib/log-printer';
import { logsInOrder } from '../lib/logs-in-order';

export default class Logs extends FormationCommand {
  static override summary = 'Show what instances print';
  static override description =
    'Each line stands behind the name of its instance. With --follow, instances that start later are followed too. With --json each line is one JSON object: instance, release, stream, time, line.';
  static override examples = [
    '<%= config.bin %> logs',
    { command: '<%= config.bin %> logs -f web', description: 'All instances of web, as it happens:' },
    '<%= config.bin %> logs web.1 --tail 100',
    '<%= config.bin %> logs --since 5m',
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
    since: Flags.string({ description: 'only lines of the last while: 90s, 5m, 2h', helpValue: 'TIME' }),
    timestamps: Flags.boolean({ char: 't', description: 'put the time before each line' }),
  };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(Logs);
    const { stdout, clock, signal } = this.context;
    const since = flags.since ? new Date(clock.now() - parseDuration(flags.since)) : undefined;
    const printer = new LogPrinter(stdout, { json: this.jsonEnabled(), timestamps: flags.timestamps });
    const request = {
      parent: this.parent,
      sources: args.sources ?? [],
      follow: flags.follow,
      tailLines: flags.tail,
      since,
    };
    let printed = false;
    // Followed, they come as they are printed, and so in order.
    const batches = this.#read(request);
    for await (const lines of flags.follow ? batches : logsInOrder(batches)) {
      for (const line of lines) printer.print(line);
      printed ||= lines.length > 0;
      await stdout.drained(signal);
    }
    if (!printed) this.hint('gilliam ps');
  }

  async *#read(request: DeepPartial<StreamLogsRequest>): AsyncGenerator<readonly LogLine[]> {
    const { signal } = this.context;
    for await (const { lines } of this.client.logs.streamLogs(request, { signal })) yield lines;
  }
}
