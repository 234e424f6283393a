import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { endianness, uptime } from 'node:os';
import { basename, join } from 'node:path';
import { PreconditionError } from '../base/errors';
import { AttachedPrograms, type AttachedProgramsOptions } from '../kernel/attached-programs';
import { type Element, elementsIn } from '../kernel/map-elements';
import { settingsIn, type TranslationSettings } from '../kernel/translation-settings';
import { type AddressRange, formatAddress } from './address-range';
import type { OpenConnections } from './connections';
import { findRivals, type Rival } from './rivals';
import { rivalsMessage } from './rivals-message';
import type { Services } from './ruleset';
import { commandOf, countAt, placeAt } from './translation-bytes';
import { allTurns, changedTurns, type MapStep, planTurns, TranslationMaps } from './translation-plan';
import { settingsCommand } from './translation-settings';

export interface TranslatorOptions extends AttachedProgramsOptions {
  /** What translate.bpf.c was compiled to. */
  readonly object: string;
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
  /** Nothing is translated, and nobody is under way any more who was: there is nothing to switch off. */
  #isQuiet = false;
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
   * Takes over what a process before this one has left, with its connections, or begins anew. Throws PreconditionError where
   * it cannot be done here.
   */
  async begin(): Promise<void> {
    this.#check();
    await this.#claim();
    await this.#yieldToRivals();
    // Only now: whoever waits for another asks again and again, and maps may be large.
    await this.#read();
  }

  /** Whether all is still as this process has left it. */
  async isAttached(): Promise<boolean> {
    const settings = await this.#settings();
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
    if (!this.#isOn || this.#uptimeS() > this.#untilS - leaseS / 2) {
      await this.#switch(true);
      // Of two that begin at once, or where one is switched off while it goes on, the later sees the other.
      await this.#yieldToRivals();
    }
  }

  /** Translates no more, until it is begun again; connections stay as they are, and are counted off. */
  async off(): Promise<void> {
    if (!this.#hasMaps) return this.remove();
    if (this.#isQuiet) return;
    await this.#switch(false);
    await this.#options.bpftool.batch([commandOf(this.#maps, { do: 'wait' })]);
    this.#isQuiet = true;
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
    this.#isQuiet = false;
  }

  #uptimeS(): number {
    return (this.#options.uptimeS ?? uptime)();
  }

  get #settingsPin(): string {
    return join(this.#maps, 'settings');
  }

  get #hasMaps(): boolean {
    return mapNames.every((name) => existsSync(join(this.#maps, name)));
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

  /**
   * Has maps and programs in the kernel that are this version's. They show others which addresses are taken, whether
   * anything is translated or not: so who looks for others has done this before.
   */
  async #claim(): Promise<void> {
    const settings = await this.#settings();
    const { object, range } = this.#options;
    const { first, last } = range;
    const usable =
      settings?.layout === layout && settings.first === first && settings.last === last && this.#hasMaps;
    if (usable) {
      const areThere = this.#programs.some && (await this.#programs.areThere());
      const pinned = mapNames.flatMap((name) => ['map', 'name', name, 'pinned', join(this.#maps, name)]);
      if (!areThere) await this.#programs.load(object, pinned);
      return;
    }
    await this.remove();
    await mkdir(this.#options.pins).catch(asPrecondition);
    try {
      // New maps translate nothing.
      await this.#programs.load(object, ['pinmaps', this.#maps]);
      await this.#switch(false);
    } catch (error) {
      await this.remove();
      throw error;
    }
  }

  /** Where networks share addresses none translates: what one does is wrong for programs of another. Throws if there are such. */
  async #yieldToRivals(): Promise<void> {
    const { pins, bpftool, range, cgroup = '' } = this.#options;
    const rivals: readonly Rival[] = await findRivals({ bpftool, pins, range, cgroup });
    if (rivals.length === 0) return;
    await this.off();
    const on = rivals.filter(({ settings }) => settings.until > 0);
    await bpftool.batch(on.map(({ id, settings }) => settingsCommand(`id ${id}`, { ...settings, until: 0 })));
    throw new PreconditionError(rivalsMessage(basename(pins), rivals, range.text));
  }

  async #settings(): Promise<TranslationSettings | undefined> {
    if (!existsSync(this.#settingsPin)) return undefined;
    return settingsIn(await this.#options.bpftool.ask('map', 'dump', 'pinned', this.#settingsPin));
  }

  async #switch(on: boolean): Promise<void> {
    const { range, bpftool } = this.#options;
    // Whatever comes of it, it is not known to be on, or quiet.
    this.#isOn &&= on;
    this.#isQuiet = false;
    const { first, last } = range;
    const until = on ? Math.ceil(this.#uptimeS()) + leaseS : 0;
    await bpftool.batch([settingsCommand(`pinned ${this.#settingsPin}`, { until, first, last, layout })]);
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
    this.#isOn = ((await this.#settings())?.until ?? 0) > 0;
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

function asPrecondition(cause: Error): never {
  throw new PreconditionError(`nothing can be kept in the kernel: ${cause.message}`, { cause });
}

function pairOf({ key, value }: Element): OpenConnections {
  return { virtual: formatAddress(key.readUInt32BE(0)), target: placeAt(key, 4), count: countAt(value) };
}

function addressOf(place: string): string {
  return place.slice(0, place.indexOf(':'));
}
