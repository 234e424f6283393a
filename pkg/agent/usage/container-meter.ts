/** What a container has used, and uses. */
export interface ContainerUsage {
  /** Microseconds of processor time since it began. */
  readonly cpuUs: bigint;
  /** Without what the kernel could take back at once. */
  readonly memoryBytes: bigint;
  /** 0 where there is none. */
  readonly memoryLimitBytes: bigint;
}

/** Tells what containers use. Cheap: asked for each of them every few seconds. */
export interface ContainerMeter {
  /** Undefined for one that does not run, or cannot be measured. */
  read(containerId: string, signal: AbortSignal): Promise<ContainerUsage | undefined>;
}
