import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { deadline } from '../../../pkg/base/clock';
import { DeadlineError, NotFoundError } from '../../../pkg/base/errors';
import { Instance, InstanceSpec_Desired, InstanceState } from '../../../pkg/gen/gilliam/v1/instance';
import { isFinished } from '../../../pkg/resource/instance';
import { parseSource } from '../../../pkg/resource/instance-name';
import { suggestion } from '../../../pkg/resource/suggest';
import { FormationCommand } from '../formation-command';
import { InterruptedError } from '../lib/describe-error';
import { formatDuration, parseDuration } from '../lib/duration';
import { followInstances, listInstances } from '../lib/follow-instances';
import { compareInstances, shortName } from '../lib/instance-line';
import { Progress } from '../lib/progress';

export default class Restart extends FormationCommand {
  static override summary = 'Replace instances by new ones, one after the other';
  static override description =
    'Each instance is stopped when its replacement is ready, so that no request is lost. Of a process with volumes, the old one stops first: two cannot have one volume. Release, configuration and number of instances stay as they are.';
  static override examples = [
    '<%= config.bin %> restart',
    { command: '<%= config.bin %> restart web --wait', description: 'Come back when all are new:' },
    '<%= config.bin %> restart web.1 worker',
  ];
  static override args = {
    sources: Args.string({
      description: 'processes (web) and instances (web.1); default all',
      multiple: true,
      ignoreStdin: true,
    }),
  };
  static override flags = {
    wait: Flags.boolean({ char: 'w', description: 'wait until all of them are replaced' }),
    timeout: Flags.string({ description: 'how long to wait', default: '5m', helpValue: 'TIME' }),
    plan: Flags.boolean({ description: 'say what would be replaced; change nothing' }),
  };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(Restart);
    const timeoutMs = parseDuration(flags.timeout);
    const { signal } = this.context;
    const { items } = await listInstances(this.client, { parent: this.parent }, signal);
    const chosen = choose(items.filter(isRestartable), args.sources ?? []);
    const restarted: Instance[] = [];
    for (const instance of chosen) {
      const name = `${this.parent}/instances/${instance.metadata?.name}`;
      const request = { name, replaceFirst: true, validateOnly: flags.plan };
      const answer = await this.client.instances.stopInstance(request, { signal });
      restarted.push(answer.instance ?? instance);
    }
    if (flags.wait && !flags.plan) await this.#wait(restarted, timeoutMs);
    const names = chosen.map(shortName).join(' ') || 'nothing';
    const said = flags.plan ? 'would replace' : flags.wait ? 'replaced' : 'replacing';
    this.answer(
      restarted.map((instance) => Instance.toJSON(instance)),
      `${said} ${names}`,
    );
    if (!flags.wait && !flags.plan && chosen.length > 0) this.hint('gilliam ps --watch');
  }

  async #wait(restarted: readonly Instance[], timeoutMs: number): Promise<void> {
    const { clock, signal, stderr } = this.context;
    const limit = deadline(clock, timeoutMs, signal);
    const progress = new Progress(stderr, clock);
    const uids = new Set(restarted.map(({ metadata }) => metadata?.uid));
    let left: readonly Instance[] = restarted;
    try {
      const options = { clock, signal: limit.signal };
      for await (const instances of followInstances(this.client, this.parent, options)) {
        left = instances.filter(
          ({ metadata, status }) =>
            uids.has(metadata?.uid) && !isFinished(status?.state ?? InstanceState.UNSPECIFIED),
        );
        if (left.length === 0) return;
        progress.update(`${restarted.length - left.length} of ${restarted.length} replaced`);
      }
    } catch (error) {
      if (signal.aborted) {
        throw new InterruptedError('the instances are still being replaced: gilliam ps', { cause: error });
      }
      if (!limit.signal.aborted) throw error;
      const [first] = left;
      const why = first ? `: gilliam why ${shortName(first)}` : '';
      throw new DeadlineError(
        `after ${formatDuration(timeoutMs)} ${left.length} of ${restarted.length} are not replaced yet${why}`,
      );
    } finally {
      limit.dispose();
      progress.dispose();
    }
  }
}

function isRestartable({ spec }: Instance): boolean {
  return spec !== undefined && !spec.oneOff && spec.desired === InstanceSpec_Desired.RUNNING;
}

/** Those that are named, in the order of ps. Throws NotFoundError for a name that nothing living has. */
function choose(living: readonly Instance[], sources: readonly string[]): Instance[] {
  const refs = sources.map((text) => ({ text, ref: parseSource(text) }));
  const names = (ref: ReturnType<typeof parseSource>, { spec }: Instance) =>
    ref.process === spec?.process && (ref.ordinal === undefined || ref.ordinal === spec.ordinal);
  for (const { text, ref } of refs) {
    if (living.some((instance) => names(ref, instance))) continue;
    const known = [
      ...new Set(
        living.map((instance) => (ref.ordinal ? shortName(instance) : (instance.spec?.process ?? ''))),
      ),
    ];
    throw new NotFoundError(`nothing runs as ${text}: ${suggestion(text, known)}`);
  }
  return living
    .filter((instance) => refs.length === 0 || refs.some(({ ref }) => names(ref, instance)))
    .sort(compareInstances);
}
