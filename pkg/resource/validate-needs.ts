import type { Process } from '../gen/gilliam/v1/release';
import { MAX_NEEDS } from './bounds';
import { entryOf } from './entries';
import { quote } from './names';
import { serviceRef } from './service-ref';
import { suggestion } from './suggest';
import type { Violations } from './violations';

type Processes = Readonly<Record<string, Process>>;

/** Checks what the processes of a release need: services that are there, and none that needs itself in the end. */
export function checkNeeds(
  processes: Processes,
  { field, found }: { readonly field: string; readonly found: Violations },
): void {
  const known = Object.keys(processes);
  for (const [name, { needs }] of Object.entries(processes)) {
    const here = `${field}.${name}.needs`;
    found.require(
      needs.length <= MAX_NEEDS,
      here,
      () => `process ${name} needs ${needs.length} services: the limit is ${MAX_NEEDS}`,
    );
    needs.slice(0, MAX_NEEDS).forEach((need, index) => {
      const ref = serviceRef(need);
      if (!ref) {
        found.add(
          `${here}[${index}]`,
          `process ${name} needs ${quote(need)}, which is no service: use web, _cache or web.formation`,
        );
      } else if (ref.formation === undefined && entryOf(processes, ref.service) === undefined) {
        found.add(
          `${here}[${index}]`,
          `process ${name} needs ${quote(need)}, which is not there: ${suggestion(need, known)}`,
        );
      }
    });
  }
  const cycle = cycleOf(processes);
  const [first] = cycle ?? [];
  if (cycle && first !== undefined) {
    found.add(`${field}.${first}.needs`, `needs go round in a circle: ${[...cycle, first].join(' → ')}`);
  }
}

/** The services of a circle, each needing the next; undefined where there is none. */
function cycleOf(processes: Processes): readonly string[] | undefined {
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (name: string): readonly string[] | undefined => {
    const start = path.indexOf(name);
    if (start >= 0) return path.slice(start);
    const process = entryOf(processes, name);
    if (!process || done.has(name)) return undefined;
    path.push(name);
    for (const need of process.needs) {
      const ref = serviceRef(need);
      const found = ref && ref.formation === undefined ? visit(ref.service) : undefined;
      if (found) return found;
    }
    path.pop();
    done.add(name);
    return undefined;
  };
  for (const name of Object.keys(processes)) {
    const found = visit(name);
    if (found) return found;
  }
  return undefined;
}
