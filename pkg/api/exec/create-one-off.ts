import { ExhaustedError } from '../../base/errors';
import { InstanceSpec_Desired, InstanceState, InstanceStatus, OneOff } from '../../gen/gilliam/v1/instance';
import { isAuxiliary } from '../../resource/auxiliary';
import { instanceName, isFinished } from '../../resource/instance';
import { parseParent, quote } from '../../resource/names';
import { formations, instances, type Instance } from '../../resource/objects';
import type { ApiContext } from '../api-context';
import type { CallContext } from '../call';
import { newMetadata, requireLivingFormation } from '../objects';
import { retryConflicts } from '../retry';
import { requireRunnable, type OneOffRequest } from './one-off-request';

/** Living one-offs of a formation: a script that forgets to end them is not to fill the stage. */
const maxOneOffs = 200;
/** What an instance is called that is of no process. */
const NO_PROCESS = 'run';

export interface OneOffKind {
  readonly parent: string;
  /** Somebody is attached to it, and what they run it like does not serve. */
  readonly attached: boolean;
  readonly tty: boolean;
  readonly validateOnly: boolean;
}

/** Makes an instance that runs once. Throws what is wrong with the request, or stands in its way. */
export function createOneOff(
  context: ApiContext,
  kind: OneOffKind,
  request: OneOffRequest,
  call: CallContext,
): Promise<Instance> {
  const { store, caches, clock } = context;
  const formationName = parseParent(kind.parent);
  return retryConflicts(
    context,
    async () => {
      const formation = await requireLivingFormation(context, formationName, call.signal);
      const release = await requireRunnable(context, formation, request, call.signal);
      const known = caches.of(instances).list(formationName);
      checkCount(formationName, known);
      // A command that somebody runs beside a service is no instance of it. Nor may it hold what an auxiliary service
      // needs, whose ordinals are given.
      const beside = kind.attached || request.process === '' || isAuxiliary(request.process);
      const process = beside ? NO_PROCESS : request.process;
      const { ordinal, incarnation } = nextPlace(known, process);
      const { revision: _, ...metadata } = newMetadata(context, {
        formation: formationName,
        name: instanceName(process, ordinal, incarnation),
      });
      const { command, env, ports, executor } = request;
      const object: Instance = {
        metadata: { ...metadata, revision: 0n },
        spec: {
          release: release.metadata.name,
          process,
          ordinal,
          incarnation,
          executor: '',
          desired: InstanceSpec_Desired.RUNNING,
          replace: false,
          oneOff: OneOff.fromPartial({
            ...{ command: [...command], env: { ...env }, ports: [...ports], executor },
            ...{ tty: kind.tty, attached: kind.attached },
            like: process === request.process ? '' : request.process,
          }),
        },
        status: InstanceStatus.fromPartial({
          state: InstanceState.PENDING,
          changed: new Date(clock.now()),
        }),
      };
      if (kind.validateOnly) return object;
      const revision = await store.commit(
        [{ op: 'create', kind: instances, object }],
        // That it is not deleted meanwhile: the instance would outlive it.
        [
          {
            guard: 'object',
            kind: formations,
            key: { formation: '', name: formationName },
            revision: formation.metadata.revision,
          },
        ],
        call.signal,
      );
      return { ...object, metadata: { ...object.metadata, revision } };
    },
    call.signal,
  );
}

function checkCount(formation: string, known: readonly Instance[]): void {
  const living = known.filter(({ spec, status }) => spec.oneOff && !isFinished(status.state)).length;
  if (living < maxOneOffs) return;
  throw new ExhaustedError(
    `${quote(formation)} runs ${living} commands already, and no more may be: gilliam stop ends those of gilliam ps that nobody needs`,
  );
}

/** The lowest ordinal that nothing living holds, and who comes next there. */
function nextPlace(
  known: readonly Instance[],
  process: string,
): { readonly ordinal: number; readonly incarnation: number } {
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
