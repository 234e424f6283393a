import { resolve } from 'node:path';
import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { InternalError } from '../../../../pkg/base/errors';
import { formatBytes } from '../../../../pkg/resource/quantity';
import { FormationCommand } from '../../formation-command';
import { writeBundle } from '../../lib/write-bundle';

export default class ReleaseExport extends FormationCommand {
  static override summary = 'Write a release to one file, to be launched on any stage';
  static override description =
    'The file holds image, configuration and processes: whoever has it can read the configuration. Secrets of auxiliary services are not in it: each launch makes its own. Without --with-images, the images have to be on the stage where it is launched, or in a registry. The digest that is printed tells whether a file is this one.';
  static override examples = [
    '<%= config.bin %> release export v3',
    '<%= config.bin %> release export v3 --with-images -o shop.bundle',
  ];
  static override args = {
    release: Args.string({ description: 'the release; default the newest', ignoreStdin: true }),
  };
  static override flags = {
    output: Flags.string({
      char: 'o',
      description: 'where to; default FORMATION-RELEASE.bundle here',
      helpValue: 'FILE',
    }),
    'with-images': Flags.boolean({ description: 'carry the images along' }),
  };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(ReleaseExport);
    const { client, formation, parent } = this;
    const { signal, cwd } = this.context;
    const { release } = await client.releases.getRelease(
      { name: `${parent}/releases/${args.release ?? '-'}` },
      { signal },
    );
    const name = release?.metadata?.name;
    if (!release?.spec || !name) throw new InternalError('the control plane answered without a release');
    const file = flags.output ?? `${formation}-${name}.bundle`;
    const bundle = await writeBundle(
      client,
      {
        formation,
        release: name,
        spec: release.spec,
        path: resolve(cwd, file),
        withImages: flags['with-images'],
      },
      signal,
    );
    const bytes = bundle.images.reduce((sum, image) => sum + image.bytes, 0);
    const carried = bundle.images.length === 0 ? 'without images' : `with ${formatBytes(bytes)} of images`;
    this.answer({ file, formation, release: name, sha256: bundle.sha256, images: bundle.images }, [
      `${name} of ${formation} written to ${file}, ${carried}`,
      `sha256:${bundle.sha256}`,
    ]);
    this.hint(`gilliam launch ${formation} ${file} --stage OTHER`);
  }
}
