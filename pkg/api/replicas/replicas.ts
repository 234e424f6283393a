import type { Client, ConnectOptions } from '../../client/client';

/** More than a stage has control planes: those whose addresses have changed are let go. */
const maxKept = 32;

export interface ReplicasOptions {
  readonly token: string;
  readonly stage: string;
  readonly connect: (options: ConnectOptions) => Client;
}

/** How this control plane is reached by the others, and they by it. */
export interface ReplicaAccess {
  /** `host:port`; empty when they cannot reach it. */
  readonly address: string;
  /** Of the others' certificates, in PEM; absent without TLS. */
  readonly ca?: string;
}

interface Kept {
  readonly client: Client;
  calls: number;
}

/** Connections to the other control planes of the stage: made when first needed, and kept. */
export class Replicas {
  readonly #options: ReplicasOptions;
  /** Those used last come last. */
  readonly #kept = new Map<string, Kept>();
  #access: ReplicaAccess = { address: '' };

  constructor(options: ReplicasOptions) {
    this.#options = options;
  }

  /** Where the others reach this one. */
  get address(): string {
    return this.#access.address;
  }

  begin(access: ReplicaAccess): void {
    this.#access = access;
  }

  /** Calls the control plane at the address. */
  async call<T>(address: string, work: (client: Client) => Promise<T>): Promise<T> {
    const kept = this.#at(address);
    kept.calls++;
    try {
      return await work(kept.client);
    } finally {
      kept.calls--;
    }
  }

  close(): void {
    for (const { client } of this.#kept.values()) client.close();
    this.#kept.clear();
  }

  #at(address: string): Kept {
    const { token, stage, connect } = this.#options;
    const { ca } = this.#access;
    const kept = this.#kept.get(address) ?? { client: connect({ address, token, stage, ca }), calls: 0 };
    this.#kept.delete(address);
    this.#kept.set(address, kept);
    if (this.#kept.size > maxKept) this.#letGo();
    return kept;
  }

  /** The one that is unused for longest. */
  #letGo(): void {
    for (const [address, { client, calls }] of this.#kept) {
      if (calls > 0) continue;
      client.close();
      this.#kept.delete(address);
      return;
    }
  }
}
