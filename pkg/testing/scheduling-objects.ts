import { Executor as ExecutorMessage, ExecutorState } from '../gen/gilliam/v1/executor';
import { Instance as InstanceMessage, InstanceSpec_Desired, InstanceState } from '../gen/gilliam/v1/instance';
import { Process } from '../gen/gilliam/v1/release';
import { Volume as VolumeMessage } from '../gen/gilliam/v1/volume';
import { instanceName } from '../resource/instance';
import { volumeName } from '../resource/instance-process';
import type { Executor, Instance, Volume } from '../resource/objects';

/** Objects for tests and benchmarks of scheduling: ready executors, pending instances, unless told otherwise. */

export interface ExecutorFixture {
  readonly name: string;
  readonly state?: ExecutorState;
  readonly reason?: string;
  readonly message?: string;
  readonly cordoned?: boolean;
  readonly draining?: boolean;
  readonly domain?: string;
  readonly tags?: Record<string, string>;
  readonly cpuMillis?: number;
  readonly memoryBytes?: bigint;
}

export function executorOf(fixture: ExecutorFixture): Executor {
  return ExecutorMessage.fromPartial({
    metadata: { name: fixture.name, uid: `uid-${fixture.name}` },
    spec: { cordoned: fixture.cordoned ?? false, draining: fixture.draining ?? false },
    status: {
      state: fixture.state ?? ExecutorState.READY,
      reason: fixture.reason ?? '',
      message: fixture.message ?? '',
      host: `${fixture.name}.example`,
      domain: fixture.domain ?? '',
      tags: fixture.tags ?? {},
      capacity: { cpuMillis: fixture.cpuMillis ?? 4_000, memoryBytes: fixture.memoryBytes ?? 2n << 30n },
    },
  }) as Executor;
}

export interface InstanceFixture {
  readonly formation?: string;
  readonly release?: string;
  readonly process?: string;
  readonly ordinal?: number;
  readonly createdMs?: number;
  readonly state?: InstanceState;
  readonly desired?: InstanceSpec_Desired;
  readonly executor?: string;
}

export function instanceOf(fixture: InstanceFixture = {}): Instance {
  const { formation = 'shop', release = 'v1', process = 'web', ordinal = 1, executor = '' } = fixture;
  return InstanceMessage.fromPartial({
    metadata: {
      name: instanceName(process, ordinal, 1),
      formation,
      uid: `${formation}/${process}.${ordinal}`,
      created: new Date(fixture.createdMs ?? 0),
    },
    spec: {
      release,
      process,
      ordinal,
      incarnation: 1,
      executor,
      desired: fixture.desired ?? InstanceSpec_Desired.RUNNING,
    },
    status: { state: fixture.state ?? (executor === '' ? InstanceState.PENDING : InstanceState.RUNNING) },
  }) as Instance;
}

export function processOf(fixture: Partial<Process> = {}): Process {
  return Process.fromPartial(fixture);
}

export interface VolumeFixture {
  readonly service: string;
  readonly volume: string;
  readonly executor: string;
  readonly ordinal?: number;
  readonly deleted?: Date;
}

export function volumeOf({ service, volume, executor, ordinal = 1, deleted }: VolumeFixture): Volume {
  const name = volumeName(service, ordinal, volume);
  return VolumeMessage.fromPartial({
    metadata: { name, formation: 'shop', uid: `uid-${name}`, deleted },
    spec: { service, ordinal, volume, executor },
  }) as Volume;
}
