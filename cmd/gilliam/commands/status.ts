import { NotFoundError } from '../../../pkg/base/errors';
import { noSuchStage } from '../../../pkg/stage/own-stages';
import { type ComponentReport, stageReport } from '../../../pkg/stage/status';
import { BaseCommand } from '../base-command';
import { age } from '../lib/age';
import { AnsweredError } from '../lib/errors';
import { suggestCurl } from '../lib/route-hint';
import { stageContext } from '../lib/stage-context';
import { renderTable } from '../lib/table';
import { virtualIpText } from '../lib/virtual-ip-text';

export default class Status extends BaseCommand {
  static override summary = 'Look at the stage on this machine';
  static override description =
    'Shows its parts and whether each does its work, and which way virtual IPs are translated. Exits with 1 when a part does not.';
  static override examples = ['<%= config.bin %> status', '<%= config.bin %> status --json'];

  override async run(): Promise<void> {
    await this.parse(Status);
    const { clock, stdout, signal } = this.context;
    const report = await stageReport(stageContext(this.stageName, this.context), signal);
    if (!report) throw new NotFoundError(noSuchStage(this.stageName, this.context.env));
    const heading = stdout.isTerminal
      ? ['PART', 'STATE', 'PID', 'STARTED', 'RESTARTS', 'VERSION', 'ADDRESS']
      : undefined;
    const rows = report.components.map((component) => this.#row(component, clock.now()));
    this.answer(report, renderTable(rows, { heading, colors: this.colors }));
    for (const { name, healthy, message, virtualIps } of report.components) {
      const remark = message || (healthy ? virtualIps && virtualIpText(virtualIps) : 'is not healthy');
      if (remark) this.note(`${name}: ${remark}`);
    }
    if (report.up) {
      return this.hintFrom(async () => {
        const parent = 'formations/-';
        return (await suggestCurl(this.client, report.router, { parent, signal })) ?? 'gilliam ps';
      });
    }
    this.hint('gilliam up');
    throw new AnsweredError(`stage ${report.stage} is not up`);
  }

  #row(component: ComponentReport, nowMs: number): string[] {
    const { name, healthy, pid, uptimeMs, restarts, version, address } = component;
    const state = healthy ? this.colors.green('healthy') : this.colors.red(pid ? 'unhealthy' : 'down');
    const started = uptimeMs === undefined ? '-' : age(new Date(nowMs - uptimeMs), nowMs);
    return [
      name,
      state,
      String(pid ?? '-'),
      started,
      String(restarts ?? '-'),
      version || '-',
      address || '-',
    ];
  }
}
