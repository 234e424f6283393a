import { backoffMs } from '../base/backoff';

export interface EjectionOptions {
  readonly ejectAfterFailures: number;
  readonly ejectStartMs: number;
  readonly ejectCapMs: number;
}

/**
 * Whether an endpoint is to be asked, judged by what became of real requests. One that fails is left out for a while,
 * then tried again: one more failure, and it is left out for twice as long.
 */
export class Health {
  #failures = 0;
  #ejections = 0;
  #ejectedUntilMs = 0;

  constructor(private readonly options: EjectionOptions) {}

  succeeded(): void {
    this.#failures = 0;
    this.#ejections = 0;
    this.#ejectedUntilMs = 0;
  }

  /** @param certain nobody is there, as a refused connection says: one is enough */
  failed(nowMs: number, certain: boolean): void {
    // What was under way when it was left out says nothing new.
    if (this.ejected(nowMs)) return;
    this.#failures++;
    if (!certain && this.#ejections === 0 && this.#failures < this.options.ejectAfterFailures) return;
    const { ejectStartMs: startMs, ejectCapMs: capMs } = this.options;
    this.#ejectedUntilMs = nowMs + backoffMs({ startMs, capMs }, this.#ejections);
    this.#ejections++;
    this.#failures = 0;
  }

  ejected(nowMs: number): boolean {
    return nowMs < this.#ejectedUntilMs;
  }
}
