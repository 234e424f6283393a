import type { Driver } from '../../agent/driver';
import { EngineUnavailable } from '../../agent/driver-errors';
import type { Host } from '../../agent/host';
import { labels } from '../../agent/labels';
import type { FakeDriver } from '../fake-driver';
import type { SimProcess } from './sim-process';

/** What the agent asks of its engine that changes something. */
export interface EngineCall {
  readonly verb: 'create' | 'start' | 'stop' | 'remove';
  /** Of the instance. */
  readonly uid: string;
  /** Whether its container runs at that moment. */
  readonly running: boolean;
}

export interface EngineListener {
  /** Told of what the agent asks of the engine, as it arrives there. */
  readonly onCall: (call: EngineCall) => void;
  readonly onRemoveVolume: (name: string) => void;
}

/** The engine as one agent process has it: what is asked is done, whether or not who asked lives to hear of it. */
export function enginePort(
  engine: FakeDriver,
  process: SimProcess,
  { onCall, onRemoveVolume }: EngineListener,
): { readonly driver: Driver; readonly host: Host } {
  const answer = <T>(work: Promise<T>): Promise<T> => process.learn(work, 0.5 + process.random.next() * 4);
  const tell = (verb: EngineCall['verb'], id: string) => {
    const found = engine.containers.find((one) => one.id === id || one.name === id);
    if (found) onCall({ verb, uid: found.labels[labels.instance] ?? '', running: found.state === 'running' });
  };
  const driver: Driver = {
    info: (signal) => answer(engine.info(signal)),
    list: (owner, signal) => answer(engine.list(owner, signal)),
    inspect: (id, signal) => answer(engine.inspect(id, signal)),
    pull: (image, signal) => answer(engine.pull(image, signal)),
    create: (spec, signal) => {
      onCall({ verb: 'create', uid: spec.labels[labels.instance] ?? '', running: false });
      return answer(engine.create(spec, signal));
    },
    start: (id, signal) => {
      tell('start', id);
      return answer(engine.start(id, signal));
    },
    stop: (id, graceMs, signal) => {
      tell('stop', id);
      return answer(engine.stop(id, graceMs, signal));
    },
    remove: (id, signal) => {
      tell('remove', id);
      return answer(engine.remove(id, signal));
    },
    createVolume: (volume, signal) => answer(engine.createVolume(volume, signal)),
    removeVolume: (name, signal) => {
      onRemoveVolume(name);
      return answer(engine.removeVolume(name, signal));
    },
    events: async (owner, signal) => {
      const events = await answer(engine.events(owner, signal));
      return later(events, process);
    },
    logs: (id, options, signal) => later(engine.logs(id, options, signal), process),
    exec: (id, command, signal) => answer(engine.exec(id, command, signal)),
    attach: () => Promise.reject(new EngineUnavailable('the simulator has no terminals')),
    open: () => Promise.reject(new EngineUnavailable('the simulator has no terminals')),
  };
  const host: Host = {
    portFree: (port, address) => answer(engine.host.portFree(port, address)),
    check: (check, address, port, signal) => answer(engine.host.check(check, address, port, signal)),
  };
  return { driver, host };
}

/** Each thing a moment later; nothing more once the process is dead. */
async function* later<T>(things: AsyncIterable<T>, process: SimProcess): AsyncGenerator<T> {
  for await (const thing of things) {
    await process.wait(0.5);
    yield thing;
  }
}
