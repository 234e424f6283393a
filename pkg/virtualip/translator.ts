import { existsSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { endianness, uptime } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { PreconditionError } from '../base/errors';
import { type AddressRange, formatAddress } from './address-range';
import { AttachedPrograms, type AttachedProgramsOptions } from './attached-programs';
import type { OpenConnections } from './connections';
import type { Services } from './ruleset';
import { bytesOf, commandOf, countAt, type Element, elementsIn, placeAt } from './translation-bytes';
import { allTurns, changedTurns, type MapStep, planTurns, TranslationMaps } from './translation-plan';

export interface TranslatorOptions extends AttachedProgramsOptions {
  /** Of virtual addresses. */
  readonly range: AddressRange;
  /** Seconds since the machine was started. Default the system's. */
  readonly uptimeS?: () => number;
}

/** How long the programs go by the maps before they have to be told again that they may. */
const leaseS = 60;

/** Counts up whenever a map of translate.bpf.c means something else than before: those of before are not used then. */
const layout = 2;

const mapNames = ['settings', 'services', 'targets', 'sockets', 'open', 'made', 'barrier'] as const;

/** What the programs go by. */
interface Settings {
  /** In seconds since the machine was started; 0 while nothing is translated. */
  readonly until: number;
  readonly first: number;
  readonly last: number;
  readonly layout: number;
}

interface Rival {
  readonly at: string;
  readonly settings: Settings;
}

/** Of connections that have ended: so many pairs are kept for those that come back. */
const maxIdlePairs = 1_024;

/**
 * The kernel's programs that translate virtual addresses where a connection is made, and their maps. It does what it is
 * told or throws; what to do then is translation.ts's.
 */
export class Translator {
  readonly #options: TranslatorOptions;
  readonly #maps: string;
  readonly #programs: AttachedPrograms;
  /** What the kernel's maps hold, as long as all that was said to them was done. */
  #held = new TranslationMaps();
  #isOn = false;
  /** When the programs stop by themselves. */
  #untilS = 0;
  #idlePairs = 0;

  constructor(options: TranslatorOptions) {
    this.#options = options;
    this.#maps = join(options.pins, 'maps');
    this.#programs = new AttachedPrograms(options);
  }

  /** Whether there is something that may be translating, of this process or of one before it. */
  get isThere(): boolean {
    return this.#programs.some || existsSync(this.#options.pins);
  }

  /**
   * Takes over what a process before this one has left, with its connections, or begins anew; the programs are always
   * this version's. Throws PreconditionError where it cannot be done here.
   */
  async begin(): Promise<void> {
    this.#check();
    const rivals = await this.#rivals();
    if (rivals.length > 0) await this.#yieldTo(rivals);
    const settings = await this.#settings(this.#options.pins);
    const { first, last } = this.#options.range;
    const usable =
      settings?.layout === layout &&
      settings.first === first &&
      settings.last === last &&
      mapNames.every((name) => existsSync(join(this.#maps, name)));
    if (usable) {
      await this.#programs.load(
        mapNames.flatMap((name) => ['map', 'name', name, 'pinned', join(this.#maps, name)]),
      );
      return this.#read();
    }
    await this.remove();
    await mkdir(this.#options.pins).catch(asPrecondition);
    try {
      // New maps translate nothing.
      await this.#programs.load(['pinmaps', this.#maps]);
      await this.#switch(false);
      await this.#read();
    } catch (error) {
      await this.remove();
      throw error;
    }
  }

  /** Whether all is still as this process has left it. */
  async isAttached(): Promise<boolean> {
    const settings = await this.#settings(this.#options.pins);
    return settings !== undefined && settings.until > 0 === this.#isOn && (await this.#programs.areThere());
  }

  /**
   * Changes what differs between two states; without a state of before, makes it all as it should be. When it resolves,
   * no connection that was made by what was before is under way without being counted. To be called again and again: the
   * programs stop by themselves a minute after they were last in step.
   */
  async bringInStep(before: Services | undefined, after: Services): Promise<void> {
    if (this.#idlePairs > maxIdlePairs) await this.#forgetIdlePairs();
    const wanted = before ? changedTurns(before, after) : allTurns(this.#held, after);
    const steps: readonly MapStep[] = planTurns(this.#held, wanted);
    await this.#options.bpftool.batch(steps.map((step) => commandOf(this.#maps, step)));
    for (const step of steps) this.#held.carryOut(step);
    if (!this.#isOn || this.#uptimeS() > this.#untilS - leaseS / 2) await this.#switch(true);
  }

  /** Translates no more, until it is begun again; connections stay as they are, and are counted off. */
  async off(): Promise<void> {
    if (!existsSync(this.#settingsPin)) return this.remove();
    await this.#switch(false);
    await this.#options.bpftool.batch([commandOf(this.#maps, { do: 'wait' })]);
  }

  /** Connections that were translated, and whose sockets are open. */
  async open(): Promise<readonly OpenConnections[]> {
    const pairs = (await this.#dump('open')).map(pairOf);
    this.#idlePairs = pairs.filter(({ count }) => count <= 0).length;
    return pairs.filter(({ count }) => count > 0);
  }

  /** How many connections were translated, or tried, by virtual address, since the maps were made. */
  async made(): Promise<ReadonlyMap<string, number>> {
    const counts = await this.#dump('made');
    return new Map(counts.map(({ key, value }) => [formatAddress(key.readUInt32BE(0)), countAt(value)]));
  }

  /** Takes it all away. Connections go on. */
  async remove(): Promise<void> {
    await this.#programs.remove();
    await rm(this.#options.pins, { recursive: true, force: true });
    this.#isOn = false;
  }

  #uptimeS(): number {
    return (this.#options.uptimeS ?? uptime)();
  }

  get #settingsPin(): string {
    return join(this.#maps, 'settings');
  }

  #check(): void {
    const { object, cgroup } = this.#options;
    if (endianness() !== 'LE') throw new PreconditionError('this machine has the other byte order');
    if (!existsSync(object)) {
      throw new PreconditionError(
        `${basename(object)} is not there: it is built where clang and libbpf-dev are`,
      );
    }
    if (cgroup === undefined) throw new PreconditionError('no control groups of version 2 are mounted');
  }

  /** Stages with addresses of this one's range: networks of one machine share its control groups, so what is translated. */
  async #rivals(): Promise<readonly Rival[]> {
    const { pins, range } = this.#options;
    const rivals: Rival[] = [];
    for (const name of await namesIn(dirname(pins))) {
      if (!name.startsWith('gilliam_') || name === basename(pins)) continue;
      const at = join(dirname(pins), name);
      const settings = await this.#settings(at);
      if (settings && settings.first <= range.last && settings.last >= range.first)
        rivals.push({ at, settings });
    }
    return rivals;
  }

  /** Nobody translates then: what one of them does is wrong for programs in the network of another. Always throws. */
  async #yieldTo(rivals: readonly Rival[]): Promise<never> {
    const { pins, bpftool, range } = this.#options;
    if (!existsSync(this.#settingsPin)) {
      await mkdir(this.#maps, { recursive: true }).catch(asPrecondition);
      await bpftool.batch([
        `map create ${this.#settingsPin} type array key 4 value 16 entries 1 name settings`,
      ]);
    }
    await this.#switch(false);
    await bpftool.batch(rivals.map(({ at, settings }) => settingsCommand(at, { ...settings, until: 0 })));
    throw new PreconditionError(
      `${rivals.map(({ at }) => basename(at)).join(', ')} and ${basename(pins)} both have addresses of ${range.text} on this machine: give one of them another range`,
    );
  }

  async #settings(pins: string): Promise<Settings | undefined> {
    const pin = join(pins, 'maps', 'settings');
    if (!existsSync(pin)) return undefined;
    const [element] = elementsIn(await this.#options.bpftool.ask('map', 'dump', 'pinned', pin));
    if (element?.value.length !== 16) return undefined;
    const [until = 0, first = 0, last = 0, itsLayout = 0] = [0, 4, 8, 12].map((at) =>
      element.value.readUInt32LE(at),
    );
    return { until, first, last, layout: itsLayout };
  }

  async #switch(on: boolean): Promise<void> {
    const { range, pins, bpftool } = this.#options;
    // Whatever comes of it, it is not known to be on.
    this.#isOn &&= on;
    const { first, last } = range;
    const until = on ? Math.ceil(this.#uptimeS()) + leaseS : 0;
    await bpftool.batch([settingsCommand(pins, { until, first, last, layout })]);
    this.#untilS = until;
    this.#isOn = on;
  }

  async #read(): Promise<void> {
    const held = new TranslationMaps();
    for (const { key, value } of await this.#dump('services')) {
      const [id, count] = [value.readUInt32LE(0), value.readUInt32LE(4)];
      held.carryOut({ do: 'put-service', service: placeAt(key), id, count });
    }
    for (const { key, value } of await this.#dump('targets')) {
      const [id, index] = [key.readUInt32LE(0), key.readUInt32LE(4)];
      held.carryOut({ do: 'put-turn', id, index, target: placeAt(value) });
    }
    this.#held = held;
    this.#isOn = ((await this.#settings(this.#options.pins))?.until ?? 0) > 0;
  }

  async #dump(map: (typeof mapNames)[number]): Promise<readonly Element[]> {
    return elementsIn(await this.#options.bpftool.ask('map', 'dump', 'pinned', join(this.#maps, map)));
  }

  /**
   * Pairs whose connections have ended, and to which none will be made any more: whoever could still have counted one on
   * was waited for when their service was changed.
   */
  async #forgetIdlePairs(): Promise<void> {
    const reachable = new Set(
      [...this.#held.services].flatMap(([service, { id }]) =>
        [...(this.#held.turns.get(id)?.values() ?? [])].map((target) => `${addressOf(service)} ${target}`),
      ),
    );
    const idle = (await this.#dump('open')).filter((element) => {
      const { virtual, target, count } = pairOf(element);
      return count <= 0 && !reachable.has(`${virtual} ${target}`);
    });
    await this.#options.bpftool.batch(
      idle.map(
        ({ key }) =>
          `map delete pinned ${this.#maps}/open key hex ${key.toString('hex').replace(/..(?=.)/g, '$& ')}`,
      ),
    );
    this.#idlePairs = 0;
  }
}

function settingsCommand(pins: string, { until, first, last, layout: itsLayout }: Settings): string {
  return `map update pinned ${join(pins, 'maps', 'settings')} key hex ${bytesOf(0)} value hex ${bytesOf(until, first, last, itsLayout)}`;
}

function asPrecondition(cause: Error): never {
  throw new PreconditionError(`nothing can be kept in the kernel: ${cause.message}`, { cause });
}

function pairOf({ key, value }: Element): OpenConnections {
  return { virtual: formatAddress(key.readUInt32BE(0)), target: placeAt(key, 4), count: countAt(value) };
}

function addressOf(place: string): string {
  return place.slice(0, place.indexOf(':'));
}

function namesIn(directory: string): Promise<string[]> {
  return readdir(directory).catch(() => []);
}
