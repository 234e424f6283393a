import { bytesOf, elementsIn } from './translation-bytes';

/** What the programs of a network go by, and by what networks of one kernel know each other: its map `settings`. */
export interface TranslationSettings {
  /** In seconds since the machine was started; 0 while nothing is translated. */
  readonly until: number;
  /** The range of virtual addresses, both within. */
  readonly first: number;
  readonly last: number;
  /** What the other maps mean. These four numbers have always been where they are. */
  readonly layout: number;
}

/** What bpftool says when it dumps the map; undefined where that is no such map. */
export function settingsIn(dump: unknown): TranslationSettings | undefined {
  const [element] = elementsIn(dump);
  if (element?.value.length !== 16) return undefined;
  const [until = 0, first = 0, last = 0, layout = 0] = [0, 4, 8, 12].map((at) =>
    element.value.readUInt32LE(at),
  );
  return { until, first, last, layout };
}

/** The command that writes them; the words say to which map: `id 17`. */
export function settingsCommand(map: string, { until, first, last, layout }: TranslationSettings): string {
  return `map update ${map} key hex ${bytesOf(0)} value hex ${bytesOf(until, first, last, layout)}`;
}
