import { Executor } from '../../../pkg/gen/gilliam/v1/executor';
import { InstanceState } from '../../../pkg/gen/gilliam/v1/instance';
import { isFinished } from '../../../pkg/resource/instance';
import { BaseCommand } from '../base-command';
import { executorCells, executorHeading } from '../lib/executor-cells';
import { listInstances } from '../lib/follow-instances';
import { listAll } from '../lib/list-all';
import { renderTable } from '../lib/table';

export default class Executors extends BaseCommand {
  static override summary = 'List the executors';
  static override description =
    'Without a terminal the columns are apart by tabs: name, host, state, instances, processors, memory, domain, tags, version.';
  static override examples = ['<%= config.bin %> executors'];

  override async run(): Promise<void> {
    await this.parse(Executors);
    const { client, colors } = this;
    const { stdout, signal } = this.context;
    const [{ items: executors }, { items: instances }] = await Promise.all([
      listAll(
        (pageToken) => client.executors.listExecutors({ pageToken }, { signal }),
        (answer) => answer.executors,
      ),
      listInstances(client, { parent: 'formations/-' }, signal),
    ]);
    const countOn = (name: string) =>
      instances.filter(
        ({ spec, status }) =>
          spec?.executor === name && !isFinished(status?.state ?? InstanceState.UNSPECIFIED),
      ).length;
    executors.sort((left, right) => ((left.metadata?.name ?? '') < (right.metadata?.name ?? '') ? -1 : 1));
    const rows = executors.map((executor) =>
      executorCells(executor, { instances: countOn(executor.metadata?.name ?? ''), colors }),
    );
    const heading = stdout.isTerminal ? executorHeading : undefined;
    this.answer(
      executors.map((executor) => Executor.toJSON(executor)),
      renderTable(rows, { heading, colors }),
    );
  }
}
