import { type Bpftool, listOf, unlessGone } from './bpftool';
import { elementsIn } from './map-elements';

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

/** Those of all networks of this kernel, in whatever namespace, kept up by a process or left by one: by the map's number. */
export async function allSettings(bpftool: Bpftool): Promise<ReadonlyMap<number, TranslationSettings>> {
  const found = new Map<number, TranslationSettings>();
  const maps = listOf<MapShown>(await bpftool.ask('map', 'show'));
  for (const { id } of maps.filter(looksRight)) {
    const settings = settingsIn(await unlessGone(bpftool.ask('map', 'dump', 'id', String(id))));
    if (settings) found.set(id, settings);
  }
  return found;
}

interface MapShown {
  readonly id: number;
  readonly type: string;
  readonly name?: string;
  readonly bytes_key: number;
  readonly bytes_value: number;
}

function looksRight({ name, type, bytes_key, bytes_value }: MapShown): boolean {
  return name === 'settings' && type === 'array' && bytes_key === 4 && bytes_value === 16;
}
