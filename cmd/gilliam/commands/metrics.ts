import * as Flags from '@oclif/core/flags';
import { ServiceMetrics } from '../../../pkg/gen/gilliam/v1/metrics_service';
import { BaseCommand } from '../base-command';
import { parseDuration } from '../lib/duration';
import { metricsCells, metricsHeading } from '../lib/metrics-cells';
import { renderTable } from '../lib/table';

export default class Metrics extends BaseCommand {
  static override summary = 'Show what services use and how they are used';
  static override description =
    'Release by release, over the last seconds: instances, processors and memory of all of them together, requests by router and proxy, the share that failed, and the time in which 95 of 100 were answered. Without a terminal the columns are apart by tabs.';
  static override examples = [
    '<%= config.bin %> metrics',
    '<%= config.bin %> metrics --formation shop --window 5m',
  ];
  static override flags = {
    formation: Flags.string({ description: 'only of this formation; default all', helpValue: 'NAME' }),
    window: Flags.string({ description: 'over so long, at most 5m', default: '30s', helpValue: 'TIME' }),
  };

  override async run(): Promise<void> {
    const { flags } = await this.parse(Metrics);
    const { colors, client } = this;
    const { stdout, signal } = this.context;
    const windowMs = Math.round(parseDuration(flags.window));
    const parent = `formations/${flags.formation ?? '-'}`;
    const { services } = await client.metrics.listServiceMetrics({ parent, windowMs }, { signal });
    const heading = stdout.isTerminal ? metricsHeading : undefined;
    this.answer(
      services.map((one) => ServiceMetrics.toJSON(one)),
      renderTable(services.map(metricsCells), { heading, colors }),
    );
  }
}
