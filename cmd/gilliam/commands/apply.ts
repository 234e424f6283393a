import * as Flags from '@oclif/core/flags';
import { createColors } from 'picocolors';
import { ApplyFormationResponse } from '../../../pkg/gen/gilliam/v1/apply_service';
import { ApplyCommand } from '../apply-command';
import { changesAnything, type FormationPlan, heldText, planLines, planName } from '../lib/apply-plan';
import {
  applyMember,
  makeReady,
  type Member,
  type Mode,
  planSystem,
  type Ready,
  requirePlan,
  type System,
} from '../lib/apply-system';
import { type AppliedGoal, type Arrival, notRunning, waitForApplied } from '../lib/apply-wait';
import { BuildPrinter } from '../lib/build-printer';
import { InterruptedError } from '../lib/describe-error';
import { parseDuration } from '../lib/duration';
import { AnsweredError } from '../lib/errors';
import { mapBounded } from '../lib/map-bounded';
import { Progress } from '../lib/progress';
import { routeUrl } from '../lib/route-view';

// Formations that do not need each other.
const concurrency = 4;

interface Given extends Mode {
  readonly wait: boolean;
  readonly timeoutMs: number;
  readonly message?: string;
  readonly expect?: string;
}

/** One formation, when it has been applied. */
interface Applied {
  readonly ready: Ready;
  readonly answer: ApplyFormationResponse;
  arrival?: Arrival;
}

export default class Apply extends ApplyCommand {
  static override summary = 'Make formations what gilliam.yml says';
  static override description =
    'Reads one manifest or several, builds what is to be built, and makes formation, release, scale factors, routes and cron jobs what they say. All of them are checked before the first is changed; what needs another formation comes up after it. What runs moves to a new release instance by instance. Applied again, nothing is changed; a release that was taken back is not moved to again before it has changed. The source is git HEAD of the manifest’s directory.';
  static override examples = [
    '<%= config.bin %> apply',
    '<%= config.bin %> apply -f services/',
    {
      command: '<%= config.bin %> apply --plan',
      description: 'See first what would change, then do that and nothing else:',
    },
    '<%= config.bin %> apply --expect 4f0c1d2b3a495867',
  ];
  static override flags = {
    file: ApplyCommand.fileFlag,
    plan: Flags.boolean({ description: 'say what would be done; change nothing' }),
    expect: Flags.string({
      description: 'refuse to do anything but this plan, as --plan has named it',
      helpValue: 'PLAN',
    }),
    prune: ApplyCommand.pruneFlag,
    retry: ApplyCommand.retryFlag,
    message: Flags.string({
      char: 'm',
      description: "why; default the commit's subject",
      helpValue: 'TEXT',
    }),
    wait: Flags.boolean({
      description: 'wait until what was applied runs',
      allowNo: true,
      default: true,
    }),
    timeout: Flags.string({ description: 'how long to wait', default: '10m', helpValue: 'TIME' }),
  };

  override async run(): Promise<void> {
    const { flags } = await this.parse(Apply);
    const given: Given = {
      prune: flags.prune ?? false,
      retry: flags.retry ?? false,
      wait: flags.wait,
      timeoutMs: parseDuration(flags.timeout),
      ...(flags.message !== undefined && { message: flags.message }),
      ...(flags.expect !== undefined && { expect: flags.expect }),
    };
    const system = await this.readSystem(flags.file ?? [], given.message);
    const plans = await this.plan(system, given);
    if (given.expect !== undefined) requirePlan(plans, given.expect);
    if (flags.plan) return this.answerPlan(plans);
    this.#warn(system);
    await this.#apply(system, plans, given);
  }

  async #apply(system: System, plans: readonly FormationPlan[], given: Given): Promise<void> {
    const { signal } = this.context;
    const changing = plans.filter(changesAnything);
    for (const plan of plans)
      if (!changesAnything(plan)) for (const line of planLines(plan, this.colors)) this.line(line);
    const ready = await this.#ready(system, changing, given);
    const applied: Applied[] = [];
    for (const [index, step] of system.steps.entries()) {
      const members = step.flatMap(({ formation }) => ready.get(formation) ?? []);
      const done = await mapBounded(members, concurrency, async (member) => {
        // A build may have come to the image that there was.
        const changes = changesAnything(member.plan);
        const answer = changes ? await applyMember(this.client, member, given, signal) : member.plan.answer;
        for (const line of planLines(member.plan, this.colors)) this.line(line);
        return changes ? [{ ready: member, answer }] : [];
      });
      applied.push(...done.flat());
      const later = system.steps.slice(index + 1).flat();
      if (given.wait)
        await this.#wait(
          done.flat(),
          given,
          later.filter(({ formation }) => ready.has(formation)),
        );
    }
    if (given.wait) await this.#waitForUnchanged(plans, applied, given);
    // Only a build shows which image there is, and so which release.
    const last = plans.map((plan) => ready.get(plan.formation)?.plan ?? plan);
    this.#answer(planName(plans), last, applied);
    this.#refuseHeld(last);
  }

  /** Nothing to change is not yet all well: what runs has to run. */
  async #waitForUnchanged(
    plans: readonly FormationPlan[],
    applied: readonly Applied[],
    given: Given,
  ): Promise<void> {
    const done = new Set(applied.map(({ ready }) => ready.formation));
    const unchanged = plans.map(({ formation }) => formation).filter((formation) => !done.has(formation));
    const { signal } = this.context;
    const sick = await notRunning(this.client, new Set(unchanged), signal);
    if (sick.length === 0) return;
    await this.#arrive(
      sick.map((formation) => ({ formation, rollout: true })),
      given,
    );
  }

  /** Builds, and validates again with what was built. */
  async #ready(
    system: System,
    changing: readonly FormationPlan[],
    given: Given,
  ): Promise<ReadonlyMap<string, Ready>> {
    const { stdout, stderr, env, signal } = this.context;
    const output = this.jsonEnabled() ? stderr : stdout;
    const reporter = new BuildPrinter(output);
    try {
      const ready = await makeReady(this.client, system, changing, {
        env,
        signal,
        reporter,
        announce: (what) => output.write(`building ${what}\n`),
        ...{ prune: given.prune, retry: given.retry },
        ...(given.message !== undefined && { message: given.message }),
      });
      // Building takes a while: what was expected has to be what there is to do still.
      if (given.expect !== undefined) {
        const { prune, retry } = given;
        requirePlan(await planSystem(this.client, system, { prune, retry, signal }), given.expect);
      }
      return ready;
    } catch (error) {
      if (signal.aborted) throw new InterruptedError('interrupted: nothing is applied', { cause: error });
      throw error;
    } finally {
      reporter.end();
    }
  }

  /** What comes `later` needs what is waited for: when that does not come up, it is not applied. */
  async #wait(applied: readonly Applied[], given: Given, later: readonly Member[]): Promise<void> {
    try {
      const goals = applied.map(({ ready, answer }) => ({
        formation: ready.formation,
        rollout: answer.rollout !== undefined,
      }));
      const arrived = await this.#arrive(goals, given);
      for (const each of applied) each.arrival = arrived.get(each.ready.formation);
    } catch (error) {
      const names = later.map(({ formation }) => formation).join(', ');
      if (later.length > 0) this.warning(`not applied, since what comes before does not run: ${names}`);
      throw error;
    }
  }

  async #arrive(goals: readonly AppliedGoal[], { timeoutMs }: Given): Promise<ReadonlyMap<string, Arrival>> {
    const { clock, stderr } = this.context;
    const progress = new Progress(stderr, clock);
    try {
      return await waitForApplied(this.client, this.context, goals, { timeoutMs, progress });
    } finally {
      progress.dispose();
    }
  }

  #answer(plan: string, plans: readonly FormationPlan[], applied: readonly Applied[]): void {
    const formations = plans.map(({ formation, answer: planned }) => {
      const done = applied.find(({ ready }) => ready.formation === formation);
      const answer = done?.answer ?? planned;
      const urls = done ? this.#urls(done.ready) : [];
      return { formation, ...(ApplyFormationResponse.toJSON(answer) as object), urls };
    });
    const lines = applied.flatMap(({ ready, answer, arrival }) => {
      const { formation } = ready;
      const release = answer.release?.metadata?.name;
      const what = release === undefined ? `${formation} applied` : `${formation} ${release} applied`;
      const canary =
        arrival === 'paused' ? `: at its canary: gilliam promote --formation ${formation}, or abort` : '';
      return [`${what}${canary}`, ...this.#urls(ready).map((url) => `  ${url}`)];
    });
    this.answer({ plan, formations }, lines);
  }

  /** What is described does not run where it was taken back: whoever applies has to know, by the exit code too. */
  #refuseHeld(plans: readonly FormationPlan[]): void {
    const held = plans.flatMap((plan) => {
      const why = heldText(plan);
      return why === undefined ? [] : [`${plan.formation}: ${why}`];
    });
    const { red } = createColors(this.context.stderr.colors);
    for (const line of held) this.note(`${red('error:')} ${line}`);
    if (held.length > 0) throw new AnsweredError('what was taken back is not applied');
  }

  /** Where the formation's routes answer on this machine. */
  #urls({ desired }: Ready): string[] {
    const ports = this.stageFile.router;
    if (!ports) return [];
    return desired.routes.flatMap(({ spec }) => (spec && routeUrl(spec, ports)) ?? []);
  }

  #warn({ members }: System): void {
    for (const { formation, source } of members) {
      if (!source) continue;
      if (source.uncommitted > 0) {
        const files = source.uncommitted === 1 ? '1 file has' : `${source.uncommitted} files have`;
        this.warning(
          `${formation}: ${files} uncommitted changes, which are not applied: HEAD is ${source.commit.slice(0, 7)}`,
        );
      }
      if (source.submodules.length > 0) {
        this.warning(
          `${formation}: the files of submodule ${source.submodules[0]} are not applied: commit them to this repository itself`,
        );
      }
    }
  }
}
