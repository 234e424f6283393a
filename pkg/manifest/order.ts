import { type FieldViolation, InvalidError } from '../base/errors';
import type { DesiredFormation } from '../gen/gilliam/v1/apply_service';
import type { Release } from '../gen/gilliam/v1/release';
import { entryOf } from '../resource/entries';
import { serviceRef } from '../resource/service-ref';
import { suggestion } from '../resource/suggest';
import { Faults } from './faults';
import type { Manifest } from './manifest';
import type { Path } from './path';

/** One of several manifests that are applied together. */
export interface Described {
  readonly formation: string;
  readonly manifest: Manifest;
}

/** With what its source adds. */
export interface Wish extends Described {
  readonly desired: DesiredFormation;
  /** The newest release, where there is one: what is no longer described of it stays. */
  readonly newest?: Release;
}

/**
 * The manifests in steps: those of a step need nothing but what earlier steps bring up, and may be applied side by side.
 * What none of them describes is not waited for. Throws InvalidError where needs go round in a circle, or where two
 * describe one formation. The files alone say it: nothing has to be read of their sources.
 */
export function inSteps<W extends Described>(wishes: readonly W[]): W[][] {
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

/** Throws one InvalidError for all services that are needed of a formation which is described, and has no such service. */
export function checkNeeded(wishes: readonly Wish[]): void {
  const services = new Map(
    wishes.map(({ formation, desired, newest }) => [
      formation,
      Object.keys({ ...newest?.spec?.processes, ...desired.release?.processes }),
    ]),
  );
  const violations: FieldViolation[] = [];
  for (const { formation: own, manifest } of wishes) {
    const found = new Faults(manifest);
    for (const { path, need, service, formation } of needsOf(manifest)) {
      const known = formation === own ? undefined : services.get(formation);
      if (!known || known.includes(service)) continue;
      found.add(path, `is ${need}, which ${formation} does not have: ${suggestion(service, known)}`);
    }
    violations.push(...found.all);
  }
  const [first, ...more] = violations;
  if (!first) return;
  const others =
    more.length === 0 ? '' : ` (and ${more.length} more ${more.length === 1 ? 'fault' : 'faults'})`;
  throw new InvalidError(`${first.description}${others}`, violations);
}

type Needs = ReadonlyMap<string, ReadonlyMap<string, Path>>;

/** The formations that it needs, and where it says so. */
function neededBy(wish: Described, known: ReadonlyMap<string, Described>): ReadonlyMap<string, Path> {
  const needed = new Map<string, Path>();
  for (const { formation, path } of needsOf(wish.manifest)) {
    if (formation === wish.formation || !known.has(formation) || needed.has(formation)) continue;
    needed.set(formation, path);
  }
  return needed;
}

interface Need {
  readonly path: Path;
  /** As it is written. */
  readonly need: string;
  readonly service: string;
  readonly formation: string;
}

/** What its processes need of other formations, be it by a name of its own. */
function needsOf({ processes = {}, imports = {} }: Manifest): Need[] {
  return Object.entries(processes).flatMap(([name, { needs = [] }]) =>
    needs.flatMap((need, index): Need[] => {
      const { service, formation } = serviceRef(entryOf(imports, need) ?? need) ?? {};
      if (service === undefined || formation === undefined) return [];
      return [{ path: ['processes', name, 'needs', index], need, service, formation }];
    }),
  );
}

function circle(left: readonly Described[], needs: Needs): InvalidError {
  const names = new Set(left.map(({ formation }) => formation));
  // Each of them needs one of them: whoever goes on comes back.
  const path: string[] = [];
  for (let at = left[0]?.formation ?? ''; !path.includes(at);) {
    path.push(at);
    at = [...(needs.get(at)?.keys() ?? [])].find((name) => names.has(name)) ?? at;
  }
  const first = [...(needs.get(path.at(-1) ?? '')?.keys() ?? [])].find((name) => path.includes(name)) ?? '';
  const round = path.slice(path.indexOf(first));
  const wish = left.find(({ formation }) => formation === first) as Described;
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
