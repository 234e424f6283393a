import { PreconditionError } from '../../base/errors';
import type { ExecResponse, ExecServiceService } from '../../gen/gilliam/v1/exec_service';
import { InstanceState } from '../../gen/gilliam/v1/instance';
import { shortName } from '../../resource/instance';
import { instances, type Instance } from '../../resource/objects';
import { checkCommand } from '../../resource/validate-command';
import { Violations } from '../../resource/violations';
import type { ApiContext } from '../api-context';
import { by, type CallContext, type Handlers } from '../call';
import { requireInstance } from '../instances';
import type { ExecutorTerminals } from '../replicas/executor-terminals';
import { StreamLimit } from '../stream-limit';
import { createOneOff } from './create-one-off';
import { RunCall } from './run-call';
import type { TerminalRelay } from './terminal-relay';
import { giveInput, readStart } from './user-input';

const maxTerminals = 500;

/**
 * In these its container may run: who looks for why an instance does not become ready, or does not end, needs to look into
 * it. Whether it does run its executor knows.
 */
const hasContainer: readonly InstanceState[] = [
  InstanceState.STARTING,
  InstanceState.RUNNING,
  InstanceState.STOPPING,
];

export function execHandlers(
  context: ApiContext,
  executorTerminals: Pick<ExecutorTerminals, 'open'>,
): Handlers<ExecServiceService> {
  const terminals = new StreamLimit(maxTerminals, 'terminals');
  return {
    async *exec(requests, call) {
      const iterator = requests[Symbol.asyncIterator]();
      const start = await readStart(iterator);
      checkExec(start.command);
      const instance = await requireInstance(context, start.name, call.signal);
      if (!hasContainer.includes(instance.status.state)) throw notRunning(instance);
      const place = terminals.take();
      const { command, tty, size } = start;
      const relay = executorTerminals.open(instance.spec.executor, {
        uid: instance.metadata.uid,
        command,
        tty,
        size,
      });
      record(context, instance, { reason: 'Executed', what: 'executed in it', command }, call);
      try {
        void failWith(relay, giveInput(iterator, relay));
        for await (const output of relay.output.take(call.signal)) {
          yield { output } satisfies ExecResponse;
        }
      } finally {
        relay.leave();
        place.dispose();
      }
    },

    async *run(requests, call) {
      const iterator = requests[Symbol.asyncIterator]();
      const start = await readStart(iterator);
      const place = terminals.take();
      try {
        const kind = { parent: start.parent, attached: true, tty: start.tty, validateOnly: false };
        const instance = await createOneOff(context, kind, { ...start, ports: [] }, call);
        record(context, instance, { reason: 'Run', what: 'run', command: start.command }, call);
        const begin = (relay: TerminalRelay) => void failWith(relay, giveInput(iterator, relay));
        yield* new RunCall({ context, terminals: executorTerminals, size: start.size }, instance).run(
          begin,
          call.signal,
        );
      } finally {
        place.dispose();
      }
    },

    async spawn(request, call) {
      const { parent, validateOnly, command } = request;
      const kind = { parent, attached: false, tty: false, validateOnly };
      const instance = await createOneOff(context, kind, { ...request, env: {} }, call);
      if (!validateOnly) record(context, instance, { reason: 'Spawned', what: 'spawned', command }, call);
      return { instance };
    },
  };
}

/** A caller that breaks the rules is told so in place of the output. */
async function failWith(relay: TerminalRelay, giving: Promise<void>): Promise<void> {
  try {
    await giving;
  } catch (error) {
    relay.output.end(error as Error);
  }
}

function checkExec(command: readonly string[]): void {
  const found = new Violations();
  found.require(
    command.length > 0,
    'start.command',
    () => 'the command is missing: give the program to run and its arguments',
  );
  checkCommand(command, { what: 'the command', field: 'start.command', found });
  found.throwIfAny();
}

function notRunning(instance: Instance): PreconditionError {
  const state = instance.status.state.replace('INSTANCE_STATE_', '').toLowerCase();
  const name = shortName(instance);
  const why = instance.status.message === '' ? '' : ` (${instance.status.message})`;
  return new PreconditionError(
    `${name} is ${state}${why}, and a command runs beside a running one only: gilliam ps`,
  );
}

/** Who has run what is remembered with the instance. */
function record(
  { events }: Pick<ApiContext, 'events'>,
  instance: Instance,
  { reason, what, command }: { reason: string; what: string; command: readonly string[] },
  call: CallContext,
): void {
  const { formation, uid } = instance.metadata;
  const line = command.join(' ');
  const shown = line.length > 100 ? `${line.slice(0, 99)}…` : line;
  events.record({
    ...{ formation, uid, kind: instances.name, name: shortName(instance), reason },
    message: `${what}${by(call)}${shown === '' ? '' : `: ${shown}`}`,
  });
}
