import { join } from 'node:path';
import * as Flags from '@oclif/core/flags';
import { withLock } from '../../../pkg/stage/lock';
import type { UpPlan } from '../../../pkg/stage/plan-up';
import { Up as StageUp } from '../../../pkg/stage/up';
import { stageContext } from '../lib/stage-context';
import { UpCommand } from '../up-command';

export default class Up extends UpCommand {
  static override summary = 'Start a stage on this machine';
  static override description =
    'Starts what is not running: etcd, the control plane, registry and proxy, the router, an executor, and Docker where it may; on a machine that has joined a stage, what join has started. What a stage keeps is in /var/lib/gilliam, or in ~/.gilliam for those who are not root.';
  static override examples = [
    '<%= config.bin %> up',
    '<%= config.bin %> up --install',
    {
      command: '<%= config.bin %> up --address 10.0.0.1',
      description: 'Open the stage to other machines, which join it:',
    },
  ];
  static override flags = {
    ...UpCommand.upFlags,
    port: Flags.integer({
      description:
        "the API's port; default the first free one of 4410, 4420, …; registry, proxy and resolver have the next three",
      min: 1024,
      max: 65531,
    }),
    host: Flags.string({
      description: 'the address by which published ports are reached; default that of --address',
    }),
    address: Flags.string({
      description:
        'open the stage to other machines, which reach this one at this name or address; one that is up is, too',
      helpValue: 'HOST',
    }),
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
      address: flags.address,
    });
    const work = async () => {
      const plan = await this.bringUp(up, { ...flags, stage: this.stageName });
      if (plan) this.#tell(up, plan);
    };
    await (flags.plan ? work() : withLock(join(stage.paths.run, 'lock'), 'up or down', work));
  }

  #tell(up: StageUp, plan: UpPlan): void {
    const stage = this.stageName;
    const started = plan.steps.includes('start');
    const { api, role, routerPorts, remarks } = up;
    const router = routerPorts
      ? [`router: http port ${routerPorts.http}, https port ${routerPorts.https}`]
      : [];
    const what = role === 'stage' ? `stage ${stage}` : `executor ${up.executor.name} of stage ${stage}`;
    this.answer({ stage, role, api, router: routerPorts, started, remarks }, [
      `${what} ${started ? 'is up' : 'was up already'}: ${api}`,
      ...router,
    ]);
    this.warnOf(plan, up);
    if (role === 'stage') this.hint(up.isOpen ? 'gilliam executor invite' : 'gilliam create NAME');
  }
}
