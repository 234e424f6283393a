import { resolve } from 'node:path';
import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { InvalidError } from '../../../pkg/base/errors';
import { ApplyFormationResponse } from '../../../pkg/gen/gilliam/v1/apply_service';
import { formatBytes } from '../../../pkg/resource/quantity';
import { BaseCommand } from '../base-command';
import { UsageError } from '../lib/errors';
import { formatFactors, parseScaleArguments } from '../lib/factors';
import { launch } from '../lib/launch';
import { Progress } from '../lib/progress';
import { readBundle } from '../lib/read-bundle';

export default class Launch extends BaseCommand {
  static override summary = 'Make a formation of a release that was exported to a file';
  static override description =
    'Every digest in the file is checked before anything is written. Nothing runs until it is scaled, here or later.';
  static override examples = [
    '<%= config.bin %> launch shop shop-v3.bundle --scale web=1',
    {
      command: '<%= config.bin %> launch shop shop-v3.bundle --sha256 DIGEST',
      description: 'Only if it is the file that was exported:',
    },
  ];
  static override args = {
    name: Args.string({ description: 'the new formation', required: true, ignoreStdin: true }),
    file: Args.string({
      description: 'what gilliam release export wrote',
      required: true,
      ignoreStdin: true,
    }),
  };
  static override flags = {
    scale: Flags.string({
      description: 'scale factors, web=1 worker=2; processes that are not named have none',
      multiple: true,
      helpValue: 'PROCESS=N',
    }),
    sha256: Flags.string({ description: 'the digest that export printed', helpValue: 'DIGEST' }),
    plan: Flags.boolean({ description: 'say what would be done; change nothing' }),
  };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(Launch);
    const { cwd, signal, stderr, clock } = this.context;
    const { release, factors } = parseScaleArguments((flags.scale ?? []).flatMap((each) => each.split(' ')));
    if (release) throw new UsageError(`${release} is no scale factor: --scale web=1`);
    const path = resolve(cwd, args.file);
    const bundle = await readBundle(path, signal);
    checkDigest(args.file, bundle.sha256, flags.sha256);
    const progress = new Progress(stderr, clock);
    try {
      const { name } = args;
      const launched = await launch(
        this.client,
        {
          name,
          bundle,
          path,
          factors,
          planOnly: flags.plan,
          onImage: ({ image, bytes }) =>
            progress.update(`sending image ${image.slice(-64, -52)}, ${formatBytes(bytes)}`),
        },
        signal,
      );
      progress.dispose();
      const origin = `${bundle.release} of ${bundle.formation}`;
      const scaled = factors.size > 0 ? `, scaled to ${formatFactors(factors)}` : '';
      const count = launched.sent.length;
      const images = count > 0 ? `, ${count} ${count === 1 ? 'image' : 'images'} sent` : '';
      const json = { ...(ApplyFormationResponse.toJSON(launched) as object), sent: launched.sent };
      if (flags.plan) return this.answer(json, `would launch ${name} from ${origin}${images}${scaled}`);
      this.answer(json, `${name} launched from ${origin}: v1 released${images}${scaled}`);
      this.hint(
        factors.size > 0 ? `gilliam ps --formation ${name}` : `gilliam scale web=1 --formation ${name}`,
      );
    } finally {
      progress.dispose();
    }
  }
}

function checkDigest(file: string, found: string, asked: string | undefined): void {
  if (asked === undefined || asked.replace(/^sha256:/, '') === found) return;
  throw new InvalidError(`${file} is another bundle: its digest is sha256:${found}`);
}
