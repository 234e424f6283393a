import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { Release } from '../../../pkg/gen/gilliam/v1/release';
import { suggestion } from '../../../pkg/resource/suggest';
import { FormationCommand } from '../formation-command';
import { parsePairs } from '../lib/config-pairs';
import { UsageError } from '../lib/errors';
import { createRelease, newestRelease } from '../lib/release';
import { suggestScale } from '../lib/scales';

export default class Config extends FormationCommand {
  static override summary = 'Show the configuration, or make a release that changes it';
  static override description =
    'The variables are given to every process. A change makes a new release with the image of the newest one. `K=` sets the empty text. Values are kept exactly; read those of several lines with --json.';
  static override examples = [
    { command: '<%= config.bin %> config', description: 'Show the newest release’s, one K=V a line:' },
    '<%= config.bin %> config POOL_SIZE=64 GREETING="good morning"',
    '<%= config.bin %> config --unset POOL_SIZE',
  ];
  static override args = {
    pairs: Args.string({ description: 'K=V, one or several', multiple: true, ignoreStdin: true }),
  };
  static override flags = {
    unset: Flags.string({
      char: 'u',
      description: 'remove a variable; may be given several times',
      helpValue: 'K',
      multiple: true,
      multipleNonGreedy: true,
    }),
    message: Flags.string({ char: 'm', description: 'why the release is made', helpValue: 'TEXT' }),
    plan: Flags.boolean({ description: 'say what would be done; change nothing' }),
  };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(Config);
    const pairs = parsePairs(args.pairs ?? [], flags.unset ?? []);
    const unset = flags.unset ?? [];
    if (pairs.size + unset.length > 0) return this.#change(pairs, unset, flags);
    if (flags.plan || flags.message)
      throw new UsageError('nothing is to be changed: gilliam config K=V, or --unset K');
    await this.#show();
  }

  async #show(): Promise<void> {
    const release = await newestRelease(this.client, this.formation, this.context.signal);
    const config = Object.entries(release?.spec?.config ?? {}).sort(([left], [right]) =>
      left < right ? -1 : 1,
    );
    this.answer(
      Object.fromEntries(config),
      config.map(([name, value]) => `${name}=${value}`),
    );
    if (config.length === 0) this.hint('gilliam config K=V');
  }

  async #change(
    pairs: ReadonlyMap<string, string>,
    unset: readonly string[],
    flags: { readonly message?: string; readonly plan: boolean },
  ): Promise<void> {
    const { release, created } = await createRelease(this.client, this.context, {
      parent: this.parent,
      spec: { config: Object.fromEntries(pairs), message: flags.message ?? summarize(pairs, unset) },
      updateMask: [...pairs.keys(), ...unset].map((name) => `config.${name}`),
      validateOnly: flags.plan,
    });
    const name = release.metadata?.name ?? '';
    const json = Release.toJSON(release);
    if (!created) {
      const names = Object.keys(release.spec?.config ?? {});
      for (const one of unset) this.warning(`${one} is not set in ${name}: ${suggestion(one, names)}`);
      return this.answer(json, `${name} has this configuration already: nothing to release`);
    }
    if (flags.plan) return this.answer(json, `would release ${name}: ${summarize(pairs, unset)}`);
    this.answer(json, `${name} released`);
    await this.hintFrom(() => suggestScale(this.client, this.formation, release));
  }
}

/** `set A, B; unset C`: names only, as values may be secret. */
function summarize(pairs: ReadonlyMap<string, string>, unset: readonly string[]): string {
  const parts = [
    pairs.size > 0 ? `set ${[...pairs.keys()].join(', ')}` : '',
    unset.length > 0 ? `unset ${unset.join(', ')}` : '',
  ];
  return parts.filter((part) => part !== '').join('; ');
}
