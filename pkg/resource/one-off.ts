import { InstanceSpec_Desired, InstanceState, InstanceStatus, OneOff } from '../gen/gilliam/v1/instance';
import { instanceName, isFinished } from './instance';
import type { Instance } from './objects';

/** Which instance of its name one is. */
export interface Place {
  readonly ordinal: number;
  readonly incarnation: number;
}

export interface NewOneOff extends Place {
  readonly formation: string;
  readonly uid: string;
  readonly release: string;
  /** What it is called. */
  readonly process: string;
  readonly now: Date;
}

/** The lowest ordinal that no living instance of the name holds, and who comes next there, of all that are remembered. */
export function nextPlace(known: readonly Instance[], process: string): Place {
  const holders = known.filter(({ spec }) => spec.process === process);
  const taken = new Set(
    holders.filter(({ status }) => !isFinished(status.state)).map(({ spec }) => spec.ordinal),
  );
  let ordinal = 1;
  while (taken.has(ordinal)) ordinal++;
  const last = holders
    .filter(({ spec }) => spec.ordinal === ordinal)
    .reduce((newest, { spec }) => Math.max(newest, spec.incarnation), 0);
  return { ordinal, incarnation: last + 1 };
}

/** An instance that runs once: wished to run, not placed yet. */
export function newOneOff(
  { formation, uid, release, process, ordinal, incarnation, now }: NewOneOff,
  oneOff: Partial<OneOff>,
): Instance {
  const name = instanceName(process, ordinal, incarnation);
  return {
    metadata: { name, formation, uid, generation: 1n, revision: 0n, labels: {}, created: now },
    spec: {
      ...{ release, process, ordinal, incarnation },
      executor: '',
      desired: InstanceSpec_Desired.RUNNING,
      replace: false,
      oneOff: OneOff.fromPartial(oneOff),
    },
    status: InstanceStatus.fromPartial({ state: InstanceState.PENDING, changed: now }),
  };
}
