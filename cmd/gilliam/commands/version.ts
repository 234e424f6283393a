import { NotFoundError, type GilliamError } from '../../../pkg/base/errors';
import { GetStageResponse } from '../../../pkg/gen/gilliam/v1/stage_service';
import { BaseCommand } from '../base-command';

/** Works without a stage: the version is the first thing that is asked when something does not. */
export default class Version extends BaseCommand {
  static override summary = 'Show the versions of this program and of the stage';
  static override examples = ['<%= config.bin %> version'];

  override async run(): Promise<void> {
    await this.parse(Version);
    const { version } = this.context;
    const stage = await this.#stage();
    const server =
      'error' in stage
        ? `stage ${this.stageName}: ${stage.error.message}`
        : `stage ${stage.answer.stage} ${stage.answer.version}`;
    this.answer(
      {
        client: version,
        stage: 'error' in stage ? null : GetStageResponse.toJSON(stage.answer),
      },
      [`gilliam ${version} (node ${process.versions.node})`, server],
    );
  }

  async #stage(): Promise<{ answer: GetStageResponse } | { error: GilliamError }> {
    try {
      const { signal } = this.context;
      return { answer: await this.client.stage.getStage({}, { deadlineMs: 3000, signal }) };
    } catch (error) {
      if (error instanceof NotFoundError || 'retryable' in (error as object)) {
        return { error: error as GilliamError };
      }
      throw error;
    }
  }
}
