import { formatInvitation } from '../../../../pkg/stage/invitation';
import { inviteTo } from '../../../../pkg/stage/invite';
import { BaseCommand } from '../../base-command';
import { stageContext } from '../../lib/stage-context';

export default class ExecutorInvite extends BaseCommand {
  static override summary = 'Print an invitation, with which another machine joins the stage';
  static override description =
    'Only on the machine of the stage, after "gilliam up --address". The invitation is a secret: whoever has it can run an executor of the stage, for as long as the stage is.';
  static override examples = ['<%= config.bin %> executor invite | ssh node-2 gilliam join -'];

  override async run(): Promise<void> {
    await this.parse(ExecutorInvite);
    const { paths, version } = stageContext(this.stageName, this.context);
    const content = inviteTo(paths, version);
    const invitation = formatInvitation(content);
    this.answer({ stage: content.stage, api: content.api, invitation }, invitation);
    this.note(
      `whoever has this invitation can run an executor of stage ${content.stage}: keep it as a password`,
    );
    this.hint('gilliam join FILE, on the other machine');
  }
}
