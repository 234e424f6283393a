import * as Flags from '@oclif/core/flags';
import { BuildPlan, type BuildResult } from '../../../pkg/gen/gilliam/v1/build_service';
import { Release } from '../../../pkg/gen/gilliam/v1/release';
import { FormationCommand } from '../formation-command';
import { buildHead, planHead } from '../lib/build-head';
import { BuildPrinter, formatPlan } from '../lib/build-printer';
import { InterruptedError } from '../lib/describe-error';
import { type Head, readAuthor, readHead } from '../lib/git';
import { createRelease } from '../lib/release';
import { suggestScale } from '../lib/scales';

export default class Deploy extends FormationCommand {
  static override summary = 'Build git HEAD and release it';
  static override description =
    'Sends the directory that .gilliam.app is in, as it is in HEAD, to the builder, and makes a release of the image with the configuration of the newest release. Nothing runs until the release is scaled. Without .gilliam.app, this directory is sent.';
  static override examples = [
    '<%= config.bin %> deploy',
    '<%= config.bin %> deploy -m "checkout in one step"',
    {
      command: '<%= config.bin %> deploy --plan',
      description: 'See the Dockerfile and the processes first:',
    },
  ];
  static override flags = {
    message: Flags.string({
      char: 'm',
      description: "why the release is made; default the commit's subject",
      helpValue: 'TEXT',
    }),
    plan: Flags.boolean({ description: 'show the Dockerfile and the processes; change nothing' }),
  };

  override async run(): Promise<void> {
    const { flags } = await this.parse(Deploy);
    const { formation, parent } = this;
    const head = await readHead(this.appFile?.directory ?? this.context.cwd, this.context);
    this.#warnOfUncommitted(head);
    this.#warnOfSubmodules(head);
    if (flags.plan) {
      const plan = await planHead(this.client, { parent, head }, this.context);
      return this.answer(BuildPlan.toJSON(plan), formatPlan(plan));
    }
    const built = await this.#build(head);
    const { release, created } = await createRelease(this.client, this.context, {
      parent,
      spec: {
        image: built.image,
        processes: built.processes,
        message: flags.message ?? head.subject,
        author: await readAuthor(head.directory, this.context),
        commit: head.commit,
      },
      updateMask: ['image', 'processes'],
    });
    const name = release.metadata?.name ?? '';
    this.answer(
      Release.toJSON(release),
      created ? `${name} released` : `${name} is this image and configuration already: nothing released`,
    );
    await this.hintFrom(() => suggestScale(this.client, formation, release));
  }

  async #build(head: Head): Promise<BuildResult> {
    const { stdout, stderr, signal } = this.context;
    const printer = new BuildPrinter(this.jsonEnabled() ? stderr : stdout);
    try {
      const built = await buildHead(this.client, { parent: this.parent, head }, printer, this.context);
      signal.throwIfAborted();
      return built;
    } catch (error) {
      if (signal.aborted)
        throw new InterruptedError('the build was cancelled: nothing is released', { cause: error });
      throw error;
    } finally {
      printer.end();
    }
  }

  #warnOfUncommitted({ uncommitted, commit }: Head): void {
    if (uncommitted === 0) return;
    const files = uncommitted === 1 ? '1 file has' : `${uncommitted} files have`;
    this.warning(`${files} uncommitted changes, which are not deployed: HEAD is ${commit.slice(0, 7)}`);
  }

  #warnOfSubmodules({ submodules }: Head): void {
    const [first, ...more] = submodules;
    if (first === undefined) return;
    const which =
      more.length === 0 ? `submodule ${JSON.stringify(first)}` : `${submodules.length} submodules`;
    this.warning(`the files of ${which} are not deployed: commit them to this repository itself`);
  }
}
