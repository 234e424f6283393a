import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { PreconditionError } from '../../../pkg/base/errors';
import { Scale as ScaleMessage } from '../../../pkg/gen/gilliam/v1/scale';
import { entryOf } from '../../../pkg/resource/entries';
import { FormationCommand } from '../formation-command';
import { parseDuration } from '../lib/duration';
import { UsageError } from '../lib/errors';
import { formatFactors, parseScaleArguments } from '../lib/factors';
import { newestRelease } from '../lib/release';
import { listScales, nameOf, scaleLines, shownFactors } from '../lib/scales';
import { waitForScale } from '../lib/wait-for-scale';

export default class Scale extends FormationCommand {
  static override summary = 'Show or set how many instances of each process run';
  static override description =
    'Scale factors belong to a release, and several releases can have some at once: scale the new one up and the old one down. All factors of one call are set in one step. Without a release, the newest is scaled.';
  static override examples = [
    '<%= config.bin %> scale',
    '<%= config.bin %> scale v2 web=2 worker=4',
    { command: '<%= config.bin %> scale web=4 --wait', description: 'Come back when all of them run:' },
  ];
  static override args = {
    factors: Args.string({
      description: 'the release (v2) if not the newest, then PROCESS=N, one or several',
      multiple: true,
      ignoreStdin: true,
    }),
  };
  static override flags = {
    wait: Flags.boolean({ char: 'w', description: 'wait until exactly these instances run' }),
    timeout: Flags.string({ description: 'how long to wait', default: '5m', helpValue: 'TIME' }),
    plan: Flags.boolean({ description: 'say what would be done; change nothing' }),
  };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(Scale);
    const { release, factors } = parseScaleArguments(args.factors ?? []);
    const timeoutMs = parseDuration(flags.timeout);
    if (factors.size === 0) {
      if (flags.plan || flags.wait) throw new UsageError('nothing is to be scaled: gilliam scale [v2] web=2');
      return this.#show(release);
    }
    const name = release ?? (await this.#newest());
    if (flags.plan) return this.#plan(name, factors);
    const scale = await this.#set(name, factors, false);
    if (flags.wait)
      await waitForScale(this.client, this.context, { formation: this.formation, scale, factors, timeoutMs });
    this.answer(ScaleMessage.toJSON(scale), `${name} ${formatFactors(shownFactors(scale, factors))}`);
    this.hint('gilliam ps');
  }

  async #show(release: string | undefined): Promise<void> {
    const all = await listScales(this.client, this.formation, this.context.signal);
    const scales = release ? all.filter((scale) => nameOf(scale) === release) : all;
    const lines = scaleLines(scales);
    this.answer(
      scales.map((scale) => ScaleMessage.toJSON(scale)),
      lines,
    );
    if (lines.length === 0) this.hint('gilliam scale web=1');
  }

  async #plan(name: string, factors: ReadonlyMap<string, number>): Promise<void> {
    const before = (await listScales(this.client, this.formation, this.context.signal)).find(
      (scale) => nameOf(scale) === name,
    );
    const scale = await this.#set(name, factors, true);
    const changes = [...factors].map(
      ([process, factor]) => `${process} ${entryOf(before?.spec?.factors ?? {}, process) ?? 0} → ${factor}`,
    );
    this.answer(ScaleMessage.toJSON(scale), `would scale ${name}: ${changes.join(', ')}`);
  }

  async #set(
    name: string,
    factors: ReadonlyMap<string, number>,
    validateOnly: boolean,
  ): Promise<ScaleMessage> {
    const { scale } = await this.client.scales.updateScale(
      {
        scale: {
          metadata: { formation: this.formation, name },
          spec: { factors: Object.fromEntries(factors) },
        },
        updateMask: [...factors.keys()].map((process) => `factors.${process}`),
        validateOnly,
      },
      { signal: this.context.signal },
    );
    return scale ?? ScaleMessage.fromPartial({});
  }

  async #newest(): Promise<string> {
    const release = await newestRelease(this.client, this.formation, this.context.signal);
    const name = release?.metadata?.name;
    if (name) return name;
    throw new PreconditionError(`${this.formation} has no release: gilliam deploy first`);
  }
}
