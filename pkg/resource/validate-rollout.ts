import type { RolloutSpec } from '../gen/gilliam/v1/rollout';
import { MAX_AUTHOR_LENGTH, MAX_INSTANCES, MAX_MESSAGE_LENGTH } from './bounds';
import { hasControl, hasControlBesidesLines } from './text';
import { Violations } from './violations';

const DAY_MS = 86_400_000;

/** Throws InvalidError for what makes no sense whatever the formation is like. */
export function validateRollout(spec: RolloutSpec, field = 'spec'): void {
  const found = new Violations();
  const ms = { least: 0, most: DAY_MS };
  found.range(spec.paceMs, ms, `${field}.pace_ms`, { what: 'the pace in milliseconds' });
  found.range(spec.surge, { least: 0, most: MAX_INSTANCES }, `${field}.surge`, { what: 'surge' });
  found.range(spec.waitHealthyMs, ms, `${field}.wait_healthy_ms`, { what: 'the wait in milliseconds' });
  found.range(spec.progressDeadlineMs, ms, `${field}.progress_deadline_ms`, {
    what: 'the deadline in milliseconds',
  });
  for (const [process, factor] of Object.entries(spec.factors)) {
    const bounds = { least: 0, most: MAX_INSTANCES };
    found.range(factor, bounds, `${field}.factors.${process}`, { what: `scale factor of ${process}` });
  }
  checkCanary(spec, `${field}.canary`, found);
  checkGates(spec, `${field}.gates`, found);
  checkNotes(spec, field, found);
  found.throwIfAny();
}

function checkCanary({ canary, immediate }: RolloutSpec, field: string, found: Violations): void {
  if (!canary) return;
  found.require(!immediate, field, () => 'a rollback moves everything at once: leave out the canary');
  const { size, trafficPercent } = canary;
  if (found.require(size !== undefined, field, () => 'the canary has no size: use 1, or 10%') && size) {
    const most = size.$case === 'percent' ? 100 : MAX_INSTANCES;
    found.range(size.value, { least: 1, most }, `${field}.${size.$case}`, { what: "the canary's size" });
  }
  if (trafficPercent === undefined) return;
  const percent = { least: 0, most: 100 };
  found.range(trafficPercent, percent, `${field}.traffic_percent`, { what: "the canary's weight" });
}

function checkGates({ gates }: RolloutSpec, field: string, found: Violations): void {
  if (!gates) return;
  const { maxErrorPercent, maxSlowdownPercent, maxRestarts } = gates;
  const percent = { least: 0, most: 100 };
  found.range(maxErrorPercent, percent, `${field}.max_error_percent`, { what: 'the share of errors' });
  const slowdown = { least: 0, most: 100_000 };
  found.range(maxSlowdownPercent, slowdown, `${field}.max_slowdown_percent`, { what: 'the slowdown' });
  found.range(maxRestarts, { least: 0, most: 1_000 }, `${field}.max_restarts`, { what: 'restarts' });
}

// These are shown in terminals: what steers one is refused.
function checkNotes({ message, author }: RolloutSpec, field: string, found: Violations): void {
  found.require(
    message.length <= MAX_MESSAGE_LENGTH && !hasControlBesidesLines(message),
    `${field}.message`,
    () =>
      `message is too long or has control characters: use at most ${MAX_MESSAGE_LENGTH} characters of text`,
  );
  found.require(
    author.length <= MAX_AUTHOR_LENGTH && !hasControl(author),
    `${field}.author`,
    () => `author is too long or has control characters: use at most ${MAX_AUTHOR_LENGTH} characters of text`,
  );
}
