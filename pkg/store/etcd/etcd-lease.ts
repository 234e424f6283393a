import type { IDuplexStream, ILeaseKeepAliveRequest, ILeaseKeepAliveResponse } from 'etcd3';
import type { Clock } from '../../base/clock';
import type { Disposable } from '../../base/disposable';
import { FencedError } from '../errors';
import { Expiry } from '../expiry';
import type { Lease } from '../store';
import type { EtcdClient } from './etcd-client';

type Stream = IDuplexStream<ILeaseKeepAliveRequest, ILeaseKeepAliveResponse>;

/** How many renewals fit in the time to live. */
const renewalsPerTtl = 5;
/** After how many renewals without an answer to open another stream. */
const patience = 2;

/** A lease, renewed over a stream of its own. Not etcd3's Lease, whose `lost` comes after the server has expired it. */
export class EtcdLease implements Lease {
  readonly #expiry: Expiry;
  readonly #reset: Disposable;
  #timer: Disposable | undefined;
  #stream: Stream | undefined;
  /** When the renewals were sent that have no answer yet; answers come in the same order. */
  #unanswered: number[] = [];

  private constructor(
    readonly id: string,
    private readonly client: EtcdClient,
    private readonly clock: Clock,
    private readonly ttlMs: number,
    grantedAt: number,
  ) {
    this.#expiry = new Expiry(clock, ttlMs, grantedAt);
    this.#reset = client.onReset(() => this.#reopen());
    this.lost.addEventListener('abort', this.#end, { once: true });
    client.closed.addEventListener('abort', this.#onClosed, { once: true });
    this.#schedule();
  }

  /** etcd counts in whole seconds: it keeps the lease for at least as long as asked. */
  static async grant(
    client: EtcdClient,
    clock: Clock,
    ttlMs: number,
    signal?: AbortSignal,
  ): Promise<EtcdLease> {
    const sentAt = clock.monotonic();
    const request = { TTL: Math.ceil(ttlMs / 1000) };
    const { ID } = await client.call((etcd, options) => etcd.leaseClient.leaseGrant(request, options), {
      signal,
    });
    return new EtcdLease(ID, client, clock, ttlMs, sentAt);
  }

  get lost(): AbortSignal {
    return this.#expiry.lost;
  }

  async revoke(): Promise<void> {
    this.dispose();
    try {
      await this.client.call((etcd, options) => etcd.leaseClient.leaseRevoke({ ID: this.id }, options), {
        repeatable: true,
      });
    } catch (error) {
      // It has expired already.
      if (!(error instanceof FencedError)) throw error;
    }
  }

  dispose(): void {
    this.#expiry.dispose();
  }

  readonly #onClosed = () => this.dispose();

  readonly #end = () => {
    this.#timer?.dispose();
    this.#reset.dispose();
    this.client.closed.removeEventListener('abort', this.#onClosed);
    this.#stream?.cancel();
    this.#stream = undefined;
  };

  #schedule(): void {
    this.#timer = this.clock.after(this.ttlMs / renewalsPerTtl, () => {
      if (this.#unanswered.length >= patience) {
        this.client.reset();
        this.#reopen();
      }
      this.#renew();
      if (!this.lost.aborted) this.#schedule();
    });
  }

  #renew(): void {
    if (this.lost.aborted) return;
    if (!this.#stream) return void this.#open();
    this.#unanswered.push(this.clock.monotonic());
    this.#stream.write({ ID: this.id });
  }

  async #open(): Promise<void> {
    try {
      const stream = await this.client.open((etcd) => etcd.leaseClient.leaseKeepAlive());
      if (this.lost.aborted || this.#stream) {
        stream.on('error', () => {});
        return stream.cancel();
      }
      this.#stream = stream;
      this.#unanswered = [];
      const ended = () => {
        if (this.#stream === stream) this.#stream = undefined;
      };
      stream.on('error', ended);
      stream.on('end', ended);
      stream.on('data', (answer) => {
        if (this.#stream === stream) this.#take(answer);
      });
      this.#renew();
    } catch {
      // The next renewal tries again.
    }
  }

  #reopen(): void {
    const stream = this.#stream;
    this.#stream = undefined;
    stream?.cancel();
    this.#renew();
  }

  #take(answer: ILeaseKeepAliveResponse): void {
    const sentAt = this.#unanswered.shift();
    if (Number(answer.TTL) <= 0) return this.#expiry.lose('the lease has expired');
    if (sentAt !== undefined) this.#expiry.renewed(sentAt);
  }
}
