import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as Flags from '@oclif/core/flags';
import { BuildPlan } from '../../../pkg/gen/gilliam/v1/build_service';
import { type Process, Release } from '../../../pkg/gen/gilliam/v1/release';
import { MANIFEST_FILE } from '../../../pkg/manifest/file-name';
import { FormationCommand } from '../formation-command';
import type { BuildAround } from '../lib/apply-images';
import type { Loaded } from '../lib/apply-load';
import { buildHead, planHead } from '../lib/build-head';
import { BuildPrinter, formatPlan } from '../lib/build-printer';
import { InterruptedError } from '../lib/describe-error';
import { type Head, readAuthor, readHead } from '../lib/git';
import { readSources, type Source } from '../lib/git-tree';
import { createRelease, newestRelease } from '../lib/release';
import { suggestScale } from '../lib/scales';

export default class Deploy extends FormationCommand {
  static override summary = 'Build git HEAD and release it';
  static override description =
    'Sends the directory that .gilliam.app, or else gilliam.yml, is in, as it is in HEAD, to the builder, and makes a release of the image with the configuration of the newest release. A gilliam.yml there refines the processes and adds its auxiliary services. Nothing runs until the release is scaled. Without both, this directory is sent.';
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
    const head = await readHead(this.#directory(formation), this.context);
    this.#warnOfUncommitted(head);
    this.#warnOfSubmodules(head);
    const manifest = this.#manifest(head.directory);
    const forApply = Object.keys(manifest?.manifest.processes ?? {}).length > 0;
    if (flags.plan) {
      const plan = await planHead(this.client, { parent, head, forApply }, this.context);
      const processes = await this.#processes(manifest, plan.processes, head);
      const refined = { ...plan, processes };
      return this.answer(BuildPlan.toJSON(refined), formatPlan(refined));
    }
    const { image, processes, source } = await this.#build(head, manifest, forApply);
    const { release, created } = await createRelease(this.client, this.context, {
      parent,
      spec: {
        image,
        processes,
        source,
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

  async #build(head: Head, manifest: Loaded | undefined, forApply: boolean) {
    const { stdout, stderr, signal, env } = this.context;
    const output = this.jsonEnabled() ? stderr : stdout;
    const reporter = new BuildPrinter(output);
    try {
      const target = { parent: this.parent, head, forApply };
      const { image, processes: built } = await buildHead(this.client, target, reporter, this.context);
      const announce = (what: string) => output.write(`building ${what}\n`);
      const around = { env, signal, announce, reporter };
      const processes = await this.#processes(manifest, built, head, around);
      signal.throwIfAborted();
      return { image, processes, source: (await this.#source(head))?.hash ?? '' };
    } catch (error) {
      if (signal.aborted)
        throw new InterruptedError('the build was cancelled: nothing is released', { cause: error });
      throw error;
    } finally {
      reporter.end();
    }
  }

  /** What gilliam.yml says, where there is one. */
  #manifest(directory: string): Loaded | undefined {
    if (!existsSync(join(directory, MANIFEST_FILE))) return undefined;
    const { manifestOf } = loadManifestModule();
    const { cwd, env } = this.context;
    return manifestOf(directory, { cwd, env, stage: this.stageName, formation: this.formation });
  }

  /** The processes as they were found, refined by the manifest. */
  async #processes(
    manifest: Loaded | undefined,
    processes: Record<string, Process>,
    head: Head,
    around?: BuildAround,
  ): Promise<Record<string, Process>> {
    if (!manifest) return processes;
    const { refinedProcesses } = loadManifestModule();
    const hasProcfile = (await this.#source(head))?.tree.texts.has('Procfile') ?? false;
    const newest = await newestRelease(this.client, this.formation, this.context.signal);
    return refinedProcesses(this.client, manifest, { processes, hasProcfile }, newest, around);
  }

  async #source({ directory }: Head): Promise<Source | undefined> {
    const source = (await readSources([directory], this.context)).get(directory);
    return source instanceof Error ? undefined : source;
  }

  #directory(formation: string): string {
    const described = this.manifestFormation;
    return (
      this.appFile?.directory ?? (described?.formation === formation ? described.directory : this.context.cwd)
    );
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

function loadManifestModule() {
  // Only where there is a manifest: what reads it takes long to load.
  // eslint-disable-next-line @typescript-eslint/no-require-imports, @typescript-eslint/consistent-type-imports
  return require('../lib/deploy-manifest') as typeof import('../lib/deploy-manifest');
}
