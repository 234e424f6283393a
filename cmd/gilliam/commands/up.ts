import { join } from 'node:path';
import * as Flags from '@oclif/core/flags';
import { PreconditionError } from '../../../pkg/base/errors';
import { withLock } from '../../../pkg/stage/lock';
import { Up as StageUp } from '../../../pkg/stage/up';
import { BaseCommand } from '../base-command';
import { runSteps } from '../lib/run-steps';
import { stageContext } from '../lib/stage-context';

export default class Up extends BaseCommand {
  static override summary = 'Start a stage on this machine';
  static override description =
    'Starts what is not running: etcd, the control plane, registry and proxy, the router, an executor, and Docker where it may. What a stage keeps is in /var/lib/gilliam, or in ~/.gilliam for those who are not root.';
  static override examples = ['<%= config.bin %> up', '<%= config.bin %> up --install'];
  static override flags = {
    install: Flags.boolean({ default: false, description: 'install what is missing, as root or by sudo' }),
    port: Flags.integer({
      description:
        "the API's port; default the first free one of 4410, 4420, …; registry, proxy and resolver have the next three",
      min: 1024,
      max: 65532,
    }),
    'http-port': Flags.integer({
      description: "the router's port for HTTP; default 8080, or the next free one",
      min: 1,
      max: 65535,
    }),
    'https-port': Flags.integer({
      description: "the router's port for HTTPS; default 8443, or the next free one",
      min: 1,
      max: 65535,
    }),
    'host-port-base': Flags.integer({
      description: 'published ports count up from here',
      min: 1024,
      max: 60000,
    }),
    host: Flags.string({ description: 'the address by which published ports are reached' }),
    plan: Flags.boolean({ default: false, description: 'say what would be done; change nothing' }),
  };

  override async run(): Promise<void> {
    const { flags } = await this.parse(Up);
    const stage = stageContext(this.stageName, this.context);
    const up = new StageUp(stage, {
      port: flags.port,
      httpPort: flags['http-port'],
      httpsPort: flags['https-port'],
      hostPortBase: flags['host-port-base'],
      host: flags.host,
    });
    const work = () => this.#up(up, flags);
    await (flags.plan ? work() : withLock(join(stage.paths.run, 'lock'), 'up or down', work));
  }

  async #up(up: StageUp, flags: { plan: boolean; install: boolean }): Promise<void> {
    const { signal } = this.context;
    const stage = this.stageName;
    let plan = await up.plan(signal);
    if (plan.problems.length + plan.advice.length > 0 && flags.install && !flags.plan) {
      await runSteps([up.installStep()], this.context, this.jsonEnabled());
      plan = await up.plan(signal);
    }
    if (flags.plan) {
      const titles = up.steps(plan).map(({ title }) => title);
      const { problems, advice, steps } = plan;
      const lines = [...problems, ...advice, ...titles.map((title) => `would ${title}`)];
      return this.answer({ stage, problems, advice, steps }, lines);
    }
    for (const problem of plan.problems.slice(0, -1)) this.note(problem);
    if (plan.problems.length > 0) throw new PreconditionError(plan.problems.at(-1) ?? '');
    await runSteps(up.steps(plan), this.context, this.jsonEnabled());
    const started = plan.steps.includes('start');
    const { api, routerPorts, remarks } = up;
    const router = routerPorts
      ? [`router: http port ${routerPorts.http}, https port ${routerPorts.https}`]
      : [];
    this.answer({ stage, api, router: routerPorts, started, remarks }, [
      `stage ${stage} ${started ? 'is up' : 'was up already'}: ${api}`,
      ...router,
    ]);
    // Where it is not installed, that is why, and what to do.
    for (const remark of plan.advice.length > 0 ? plan.advice : remarks) this.warning(remark);
    this.hint('gilliam create NAME');
  }
}
