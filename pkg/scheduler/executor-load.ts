import { ExecutorState } from '../gen/gilliam/v1/executor';
import type { Executor } from '../resource/objects';
import type { Census } from './census';
import type { Variables } from './variables';

/** What an instance takes from its executor. */
export interface Reservation {
  readonly cpuMillis: number;
  readonly memoryBytes: number;
}

/** One executor and what is placed on it: the only thing that changes while a plan is made. */
export class ExecutorLoad {
  readonly name: string;
  /** Connected, and done with stopping what it should not run. */
  readonly isReady: boolean;
  /** Neither cordoned nor draining. */
  readonly isOpen: boolean;
  readonly cpuTotalMillis: number;
  readonly memoryTotalBytes: number;
  /** Counts placements: who remembers something of this executor compares it. */
  version = 1;
  /** Negative when more is placed here than it has: its capacity was lowered. */
  cpuFreeMillis: number;
  memoryFreeBytes: number;
  /** Unfinished instances here. */
  count = 0;
  readonly #census: Census;
  readonly #variables: Mutable<Variables>;
  #variablesVersion = 0;

  constructor(
    readonly executor: Executor,
    /** Its place among the executors of the plan. */
    readonly index: number,
    census: Census,
  ) {
    this.#census = census;
    const { host, domain, tags, capacity } = executor.status;
    this.name = executor.metadata.name;
    this.isReady = executor.status.state === ExecutorState.READY;
    this.isOpen = !executor.spec.cordoned && !executor.spec.draining;
    this.cpuTotalMillis = capacity?.cpuMillis ?? 0;
    this.memoryTotalBytes = Number(capacity?.memoryBytes ?? 0n);
    this.cpuFreeMillis = this.cpuTotalMillis;
    this.memoryFreeBytes = this.memoryTotalBytes;
    this.#variables = {
      name: this.name,
      host,
      domain,
      tags: new Map(Object.entries(tags)),
      ncont: 0n,
      nsame: 0n,
      cpu_free: 0n,
      cpu_total: BigInt(this.cpuTotalMillis),
      memory_free: 0n,
      memory_total: BigInt(this.memoryTotalBytes),
    };
  }

  /** Takes an instance of the process in. */
  place(process: string, { cpuMillis, memoryBytes }: Reservation): void {
    this.version++;
    this.count++;
    this.cpuFreeMillis -= cpuMillis;
    this.memoryFreeBytes -= memoryBytes;
    this.#census.add(process, this.index);
  }

  /**
   * What expressions see, for an instance of the process, if any of them reads `nsame`. The same object at each call:
   * use it before the next one.
   */
  variablesFor(process: string | undefined): Variables {
    const variables = this.#variables;
    if (this.#variablesVersion !== this.version) {
      this.#variablesVersion = this.version;
      variables.ncont = BigInt(this.count);
      variables.cpu_free = BigInt(this.cpuFreeMillis);
      variables.memory_free = BigInt(this.memoryFreeBytes);
    }
    const same = process === undefined ? 0 : this.#census.of(process).get(this.index);
    variables.nsame = BigInt(same ?? 0);
    return variables;
  }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
