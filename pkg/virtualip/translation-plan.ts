import type { Services, VirtualService } from './ruleset';
import { targetKey } from './services-of';

/** `198.18.16.5:80` or `172.17.0.3:8080`. */
export type Place = string;

/** Which endpoint each of so many connections in a row to a port of a virtual address goes to. */
export type Turns = readonly Place[];

/** One change of the kernel's maps. */
export type MapStep =
  | { readonly do: 'put-turn'; readonly id: number; readonly index: number; readonly target: Place }
  | { readonly do: 'put-service'; readonly service: Place; readonly id: number; readonly count: number }
  | { readonly do: 'drop-service'; readonly service: Place }
  /** Until nobody is under way who has read what was there before. */
  | { readonly do: 'wait' }
  | { readonly do: 'drop-turn'; readonly id: number; readonly index: number };

/** The sizes of the maps in translate.bpf.c. */
export interface MapSizes {
  readonly services: number;
  readonly turns: number;
}

export const mapSizes: MapSizes = { services: 16_384, turns: 131_072 };

/** What the kernel's maps hold: services stand for a list of turns by its id. */
export class TranslationMaps {
  readonly services = new Map<Place, { readonly id: number; readonly count: number }>();
  readonly turns = new Map<number, Map<number, Place>>();

  carryOut(step: MapStep): void {
    switch (step.do) {
      case 'put-turn': {
        const list = this.turns.get(step.id) ?? new Map<number, Place>();
        this.turns.set(step.id, list.set(step.index, step.target));
        break;
      }
      case 'put-service':
        this.services.set(step.service, { id: step.id, count: step.count });
        break;
      case 'drop-service':
        this.services.delete(step.service);
        break;
      case 'drop-turn':
        this.turns.get(step.id)?.delete(step.index);
        if (this.turns.get(step.id)?.size === 0) this.turns.delete(step.id);
        break;
      case 'wait':
        break;
    }
  }

  /** Where the connection of a number goes; undefined: it is not translated, and nftables has it. */
  resolve(service: Place, number: number): Place | undefined {
    const found = this.services.get(service);
    return found && this.turns.get(found.id)?.get(number % found.count);
  }

  /** Every turn of a service; undefined where one is missing, or it has none. */
  turnsOf(service: Place): Turns | undefined {
    const { id, count } = this.services.get(service) ?? { id: 0, count: 0 };
    const list = this.turns.get(id);
    const turns = Array.from({ length: count }, (_, index) => list?.get(index));
    return count > 0 && turns.every((turn) => turn !== undefined) ? turns : undefined;
  }

  get turnCount(): number {
    return [...this.turns.values()].reduce((sum, list) => sum + list.size, 0);
  }
}

/** The turns of all ports that differ between two states; of ports that are gone, none. */
export function changedTurns(before: Services, after: Services): ReadonlyMap<Place, Turns> {
  const changed = new Map<Place, Turns>();
  for (const [name, list] of before) {
    if (after.get(name) !== list) for (const service of list) changed.set(targetKey(service), []);
  }
  for (const [name, list] of after) {
    if (before.get(name) !== list)
      for (const service of list) changed.set(targetKey(service), turnsOf(service));
  }
  return changed;
}

/** The turns of a whole state, with none for whatever else is held. */
export function allTurns(held: TranslationMaps, services: Services): ReadonlyMap<Place, Turns> {
  const none = [...held.services.keys()].map((service): [Place, Turns] => [service, []]);
  return new Map([...none, ...changedTurns(new Map(), services)]);
}

/**
 * What leads from what is held to these turns. After each step every service has its turns of before, or those of
 * after, or is not translated for some connections, which nftables serves then. What is not mentioned stays; lists that
 * no service stands for go. A service that does not fit is not translated.
 */
export function planTurns(
  held: TranslationMaps,
  wanted: ReadonlyMap<Place, Turns>,
  sizes: MapSizes = mapSizes,
): readonly MapStep[] {
  const changed = [...wanted].filter(([service, turns]) => !isHeld(held, service, turns));
  const puts: MapStep[] = [];
  const services: MapStep[] = [];
  const replaced = new Set<Place>();
  let nextId = Math.max(0, ...held.turns.keys(), ...[...held.services.values()].map(({ id }) => id)) + 1;
  let room = { services: sizes.services - held.services.size, turns: sizes.turns - held.turnCount };
  for (const [service, turns] of changed) {
    const known = held.services.has(service);
    const fits = turns.length <= room.turns && (known || room.services > 0);
    if (known) replaced.add(service);
    if (turns.length === 0 || !fits) {
      if (known) services.push({ do: 'drop-service', service });
      continue;
    }
    const id = nextId++;
    puts.push(...turns.map((target, index): MapStep => ({ do: 'put-turn', id, index, target })));
    services.push({ do: 'put-service', service, id, count: turns.length });
    room = { services: room.services - (known ? 0 : 1), turns: room.turns - turns.length };
  }
  const wait: MapStep[] = replaced.size > 0 ? [{ do: 'wait' }] : [];
  return [...puts, ...services, ...wait, ...dropTurns(held, replaced)];
}

function isHeld(held: TranslationMaps, service: Place, turns: Turns): boolean {
  if (turns.length === 0) return !held.services.has(service);
  const now = held.turnsOf(service);
  return now?.length === turns.length && turns.every((turn, index) => turn === now[index]);
}

function dropTurns(held: TranslationMaps, replaced: ReadonlySet<Place>): MapStep[] {
  const staying = new Set(
    [...held.services].flatMap(([service, { id }]) => (replaced.has(service) ? [] : [id])),
  );
  return [...held.turns].flatMap(([id, list]) =>
    staying.has(id) ? [] : [...list.keys()].map((index): MapStep => ({ do: 'drop-turn', id, index })),
  );
}

function turnsOf({ endpoints, turns }: VirtualService): Turns {
  const targets = endpoints.map(targetKey);
  return turns ? turns.map((index) => targets[index] as Place) : targets;
}
