import { NotFoundError } from '../../base/errors';
import { InstanceState } from '../../gen/gilliam/v1/instance';
import { isFinished, shortName } from '../../resource/instance';
import { parseSource, type InstanceRef } from '../../resource/instance-name';
import { quote } from '../../resource/names';
import type { Instance, Release } from '../../resource/objects';
import { suggestion } from '../../resource/suggest';

export type LogSource = Partial<InstanceRef> & { readonly process: string; readonly text: string };

/** Reads `web`, `web.1` and `web-1-1`. */
export function parseSources(texts: readonly string[]): readonly LogSource[] {
  return texts.map((text) => ({ ...parseSource(text), text }));
}

/** Whether the instance's logs are wanted; all are where no source is named. */
export function matches(sources: readonly LogSource[], { spec }: Instance): boolean {
  return (
    sources.length === 0 ||
    sources.some(
      ({ process, ordinal, incarnation }) =>
        process === spec.process &&
        (ordinal === undefined || ordinal === spec.ordinal) &&
        (incarnation === undefined || incarnation === spec.incarnation),
    )
  );
}

/** Whether there can be logs: its executor has begun, and has not been told to forget it. */
export function hasLogs({ spec, status }: Instance): boolean {
  // What somebody is attached to prints for them alone.
  if (spec.oneOff?.attached) return false;
  return spec.executor !== '' && !isFinished(status.state) && status.state !== InstanceState.ASSIGNED;
}

/**
 * Whose logs to begin with: all that live, and, of ordinals that nothing living holds, the newest that failed or
 * stopped: its executor may still have its container.
 */
export function initialInstances(
  all: readonly Instance[],
  sources: readonly LogSource[],
): readonly Instance[] {
  const newest = new Map<string, Instance>();
  for (const instance of all) {
    if (!matches(sources, instance) || instance.spec.executor === '' || instance.spec.oneOff?.attached)
      continue;
    const held = newest.get(shortName(instance));
    if (!held || instance.spec.incarnation > held.spec.incarnation) newest.set(shortName(instance), instance);
  }
  const named = sources.some(({ ordinal }) => ordinal !== undefined);
  return [...newest.values()].filter(
    (instance) => hasLogs(instance) || instance.status.state === InstanceState.FAILED || named,
  );
}

/** Whose logs to begin with beside all history: those that have containers, which no history has yet. */
export function livingInstances(
  all: readonly Instance[],
  sources: readonly LogSource[],
): readonly Instance[] {
  return all.filter((instance) => matches(sources, instance) && hasLogs(instance));
}

/** Throws NotFoundError for a source of a process that there is not and, so far, never was. */
export function checkSources(
  sources: readonly LogSource[],
  {
    formation,
    releases,
    instances,
  }: {
    readonly formation: string;
    readonly releases: readonly Release[];
    readonly instances: readonly Instance[];
  },
): void {
  const processes = new Set(releases.flatMap(({ spec }) => Object.keys(spec.processes)));
  for (const { spec } of instances) processes.add(spec.process);
  for (const { process, text } of sources) {
    if (processes.has(process)) continue;
    const given = process === text ? '' : ` as in ${quote(text)}`;
    throw new NotFoundError(
      `${quote(formation)} has no process ${quote(process)}${given}: ${suggestion(process, [...processes])}`,
    );
  }
}

/** The first source that names an instance which is not among these. */
export function missingInstance(
  sources: readonly LogSource[],
  instances: readonly Instance[],
): LogSource | undefined {
  return sources.find(
    (source) => source.ordinal !== undefined && !instances.some((instance) => matches([source], instance)),
  );
}

/** Says of an instance that there is not which ones of its process there are. */
export function noInstance(
  { process, text }: LogSource,
  formation: string,
  instances: readonly Instance[],
): NotFoundError {
  const own = instances.filter(({ spec }) => spec.process === process);
  const names = [...new Set(own.toSorted((a, b) => a.spec.ordinal - b.spec.ordinal).map(shortName))];
  return new NotFoundError(
    `${quote(formation)} has no instance ${quote(text)}${whatThereIs(names, process)} gilliam logs ${text} --all shows what gone ones have printed`,
  );
}

const maxShown = 5;

function whatThereIs(names: readonly string[], process: string): string {
  const [first, ...others] = names;
  if (first === undefined) return `, nor any other of ${process}:`;
  if (others.length === 0) return `: there is only ${first};`;
  const shown = names.slice(0, Math.min(maxShown, names.length - 1));
  const left = names.length - shown.length;
  return `: there are ${shown.join(', ')} and ${left === 1 ? names.at(-1) : `${left} more`};`;
}
