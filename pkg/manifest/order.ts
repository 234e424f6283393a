import { InvalidError } from '../base/errors';
import type { DesiredFormation } from '../gen/gilliam/v1/apply_service';
import { serviceRef } from '../resource/service-ref';
import { Faults } from './faults';
import type { Manifest } from './manifest';
import type { Path } from './path';

/** One of several manifests that are applied together. */
export interface Wish {
  readonly formation: string;
  readonly manifest: Manifest;
  readonly desired: DesiredFormation;
}

/**
 * The manifests in steps: those of a step need nothing but what earlier steps bring up, and may be applied side by side.
 * What none of them describes is not waited for. Throws InvalidError where needs go round in a circle, or where two
 * describe one formation.
 */
export function inSteps<W extends Wish>(wishes: readonly W[]): W[][] {
  const byName = new Map<string, W>();
  for (const wish of wishes) {
    const other = byName.get(wish.formation);
    if (other) {
      throw new InvalidError(
        `${other.manifest.file} and ${wish.manifest.file} both describe formation ${wish.formation}: make it one file, or give one another formation`,
      );
    }
    byName.set(wish.formation, wish);
  }
  const needs = new Map(wishes.map((wish) => [wish.formation, neededBy(wish, byName)]));
  const steps: W[][] = [];
  const left = new Set(wishes);
  while (left.size > 0) {
    const step = [...left].filter((wish) =>
      [...(needs.get(wish.formation)?.keys() ?? [])].every((name) => !left.has(byName.get(name) as W)),
    );
    if (step.length === 0) throw circle([...left], needs);
    for (const wish of step) left.delete(wish);
    steps.push(step);
  }
  return steps;
}

type Needs = ReadonlyMap<string, ReadonlyMap<string, Path>>;

/** The formations that it needs, and where it says so. */
function neededBy(wish: Wish, known: ReadonlyMap<string, Wish>): ReadonlyMap<string, Path> {
  const needed = new Map<string, Path>();
  for (const [name, { needs }] of Object.entries(wish.desired.release?.processes ?? {})) {
    for (const [index, need] of needs.entries()) {
      const { formation } = serviceRef(need) ?? {};
      if (formation === undefined || formation === wish.formation || !known.has(formation)) continue;
      if (!needed.has(formation)) needed.set(formation, ['processes', name, 'needs', index]);
    }
  }
  return needed;
}

function circle(left: readonly Wish[], needs: Needs): InvalidError {
  const names = new Set(left.map(({ formation }) => formation));
  // Each of them needs one of them: whoever goes on comes back.
  const path: string[] = [];
  for (let at = left[0]?.formation ?? ''; !path.includes(at);) {
    path.push(at);
    at = [...(needs.get(at)?.keys() ?? [])].find((name) => names.has(name)) ?? at;
  }
  const first = [...(needs.get(path.at(-1) ?? '')?.keys() ?? [])].find((name) => path.includes(name)) ?? '';
  const round = path.slice(path.indexOf(first));
  const wish = left.find(({ formation }) => formation === first) as Wish;
  const found = new Faults(wish.manifest);
  const at = needs.get(first)?.get(round[1] ?? first) ?? [];
  found.say(at, `needs of formations go round in a circle: ${[...round, first].join(' → ')}`);
  try {
    found.throwIfAny();
  } catch (error) {
    return error as InvalidError;
  }
  throw new Error('unreachable');
}
