import { createHash } from 'node:crypto';
import type { createColors } from 'picocolors';
import {
  type ApplyFormationResponse,
  type PlannedChange,
  PlannedChange_Action,
  type PlannedInstance,
  PlannedInstance_Action,
} from '../../../pkg/gen/gilliam/v1/apply_service';
import { standIn } from './apply-images';
import { compareProcesses } from './factors';

type Colors = ReturnType<typeof createColors>;

/** What would be done to one formation, or now is. */
export interface FormationPlan {
  readonly formation: string;
  readonly answer: ApplyFormationResponse;
  /** What is to be built first: source → what it is of. */
  readonly builds: ReadonlyMap<string, string>;
  /** The release that waits at its canary, where nothing changes. */
  readonly atCanary?: string;
}

/** Whether anything would change. */
export function changesAnything({ answer }: Pick<FormationPlan, 'answer'>): boolean {
  return answer.changes.length > 0;
}

/** Names what would be done to all of them together; the order does not matter. */
export function planName(plans: readonly FormationPlan[]): string {
  const lines = plans.map(({ formation, answer }) => `${formation} ${answer.plan}\n`).sort();
  return createHash('sha256').update(lines.join('')).digest('hex').slice(0, 16);
}

/** Field by field and instance by instance, and why. */
export function planLines(plan: FormationPlan, colors: Colors): string[] {
  const { formation, answer, builds, atCanary } = plan;
  const held = heldText(plan);
  if (!changesAnything(plan)) {
    const waits = `: ${atCanary} is at its canary: gilliam promote or gilliam abort --formation ${formation}`;
    const why = held === undefined ? '' : `: ${held}`;
    return [`${formation}: nothing to change${atCanary === undefined ? why : waits}`];
  }
  const images = [...builds].map(
    ([hash, what]) => `  ${colors.cyan('*')} image: to be built of ${what} (${hash.slice(0, 12)})`,
  );
  return [
    colors.bold(`${formation}:`),
    ...images,
    ...answer.changes.map((change) => `  ${changeLine(change, builds, colors)}`),
    ...answer.instances
      .filter(({ action }) => action !== PlannedInstance_Action.KEEP)
      .toSorted(compareInstances)
      .map((instance) => `  ${instanceLine(instance, colors)}`),
    ...keptLine(answer.instances),
    ...forecastLine(answer.instances),
    ...(held === undefined ? [] : [`  ${colors.yellow('!')} ${held}`]),
  ];
}

/** Why a release is not moved to, and what to do; undefined where it is. */
export function heldText({ answer: { held } }: Pick<FormationPlan, 'answer'>): string | undefined {
  if (held === '') return undefined;
  return `${held}: it is not tried again as it is: change it, or gilliam apply --retry`;
}

function changeLine(change: PlannedChange, builds: ReadonlyMap<string, string>, colors: Colors): string {
  const { action, object, field } = change;
  const before = shown(change.before, builds);
  const after = shown(change.after, builds);
  const what = field === '' ? object : `${object} ${field}`;
  switch (action) {
    case PlannedChange_Action.CREATE:
      return `${colors.green('+')} ${what}${after === '' ? '' : `: ${after}`}`;
    case PlannedChange_Action.REMOVE:
      return `${colors.red('-')} ${what}${before === '' ? '' : `: ${before}`}`;
    default:
      return `${colors.yellow('~')} ${what}: ${before || '(none)'} → ${after || '(none)'}`;
  }
}

/** In place of the digest that stands for an image which is not built yet, what it will be built of. */
function shown(text: string, builds: ReadonlyMap<string, string>): string {
  const [, what] = [...builds].find(([hash]) => text.includes(standIn(hash))) ?? [];
  return (what === undefined ? text : `(built of ${what})`).replace(/\s*\n\s*/g, '⏎');
}

function instanceLine({ action, instance, release, why }: PlannedInstance, colors: Colors): string {
  const reason = why === '' ? '' : `: ${why}`;
  return action === PlannedInstance_Action.STOP
    ? `${colors.red('-')} ${instance} ${release} stops${reason}`
    : `${colors.green('+')} ${instance} ${release} starts${reason}`;
}

function keptLine(instances: readonly PlannedInstance[]): string[] {
  const kept = instances.filter(({ action }) => action === PlannedInstance_Action.KEEP);
  if (kept.length === 0) return [];
  const [first, ...more] = kept.map(({ instance }) => instance);
  return [`  = ${first}${more.length === 0 ? ' stays' : ` and ${more.length} more stay`}`];
}

/** Numbers are given as places get free: beyond the first step it is not known when. */
function forecastLine(instances: readonly PlannedInstance[]): string[] {
  const [first, ...more] = instances.filter(({ forecast }) => forecast).toSorted(compareInstances);
  if (!first) return [];
  const which = more.length === 0 ? first.instance : `${first.instance} and ${more.length} more`;
  return [`  (of ${which} the number is a forecast: it depends on what gets ready when)`];
}

function compareInstances(left: PlannedInstance, right: PlannedInstance): number {
  const [a = '', m = ''] = left.instance.split('.');
  const [b = '', n = ''] = right.instance.split('.');
  return compareProcesses(a, b) || Number(m) - Number(n);
}
