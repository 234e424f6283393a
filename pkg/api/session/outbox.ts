import type {
  ConnectResponse,
  LogsWanted,
  RegistryPeer,
  Task,
  TerminalWanted,
} from '../../gen/gilliam/v1/session_service';
import type { Instance, Volume } from '../../resource/objects';
import { Pulse } from '../pulse';
import { taskVersion, toTask, trafficPercentOf, type AssignmentIndex, type TaskSources } from './assignment';
import type { RegistryPeers } from './registry-peers';
import { surroundingsOf } from './surroundings';
import type { VolumeDeletions } from './volume-deletions';

// Tasks carry configuration: this many of the largest still make a message that any client takes.
const maxTasksPerChange = 100;
const maxLogsWanted = 1_000;
const maxTerminalsWanted = 1_000;

/**
 * What an executor is still to be told. It holds names of things, not messages: a message is made when the stream can
 * take it, of what is true then. So a slow executor gets fewer and newer messages, and nothing queues up for it.
 */
export class Outbox {
  readonly #pulse = new Pulse();
  /** What the executor knows: uid → version. Undefined before the first assignment. */
  #known: Map<string, string> | undefined;
  readonly #dirty = new Set<string>();
  readonly #logsWanted: LogsWanted[] = [];
  readonly #terminalsWanted: TerminalWanted[] = [];
  #peersSent: readonly RegistryPeer[] | undefined;
  #deletionsSent: readonly Volume[] | undefined;
  #acknowledged = 0n;
  #acknowledgedSent = 0n;

  constructor(
    private readonly executor: string,
    private readonly index: Pick<AssignmentIndex, 'get' | 'of'>,
    private readonly sources: TaskSources,
    private readonly peers: Pick<RegistryPeers, 'list'>,
    private readonly deletions: Pick<VolumeDeletions, 'of'>,
  ) {}

  /** The volumes to be deleted may be others. */
  touchVolumes(): void {
    this.#pulse.beat();
  }

  /** The peers may be others. */
  touchPeers(): void {
    this.#pulse.beat();
  }

  /** The instance may have changed. */
  touch(uid: string): void {
    if (!this.#known) return;
    this.#dirty.add(uid);
    this.#pulse.beat();
  }

  acknowledge(sequence: bigint): void {
    if (sequence > this.#acknowledged) this.#acknowledged = sequence;
    this.#pulse.beat();
  }

  /** False when too many are asked for already. */
  wantLogs(wanted: LogsWanted): boolean {
    if (this.#logsWanted.length >= maxLogsWanted) return false;
    this.#logsWanted.push(wanted);
    this.#pulse.beat();
    return true;
  }

  /** As wantLogs. */
  wantTerminal(wanted: TerminalWanted): boolean {
    if (this.#terminalsWanted.length >= maxTerminalsWanted) return false;
    this.#terminalsWanted.push(wanted);
    this.#pulse.beat();
    return true;
  }

  /** Messages as they are wanted, until the signal aborts. */
  async *messages(signal: AbortSignal): AsyncGenerator<ConnectResponse> {
    while (!signal.aborted) {
      const message = this.#next();
      if (message) yield { message };
      else await this.#pulse.next(signal);
    }
  }

  #next(): ConnectResponse['message'] {
    if (!this.#known) return { $case: 'assignment', value: { tasks: this.#allTasks() } };
    if (this.#acknowledged > this.#acknowledgedSent) {
      this.#acknowledgedSent = this.#acknowledged;
      return { $case: 'ack', value: { sequence: this.#acknowledged } };
    }
    const change = this.#dirty.size > 0 ? this.#change(this.#known) : undefined;
    if (change) return { $case: 'change', value: change };
    const terminal = this.#terminalsWanted.shift();
    if (terminal) return { $case: 'terminalWanted', value: terminal };
    const doomed = this.deletions.of(this.executor);
    if (doomed !== this.#deletionsSent && (doomed.length > 0 || this.#deletionsSent)) {
      this.#deletionsSent = doomed;
      return { $case: 'volumesToDelete', value: { volumes: [...doomed] } };
    }
    const { list } = this.peers;
    if (list !== this.#peersSent && (list.length > 0 || this.#peersSent)) {
      this.#peersSent = list;
      return { $case: 'registryPeers', value: { peers: [...list] } };
    }
    const wanted = this.#logsWanted.shift();
    return wanted && { $case: 'logsWanted', value: wanted };
  }

  #allTasks(): Task[] {
    const instances = [...this.index.of(this.executor)];
    this.#known = new Map(instances.map((instance) => [instance.metadata.uid, this.#version(instance)]));
    return instances.map((instance) => this.#task(instance));
  }

  #change(known: Map<string, string>): { tasks: Task[]; forgotten: string[] } | undefined {
    const tasks: Task[] = [];
    const forgotten: string[] = [];
    for (const uid of this.#dirty) {
      if (tasks.length >= maxTasksPerChange) break;
      this.#dirty.delete(uid);
      const instance = this.index.get(this.executor, uid);
      if (!instance) {
        if (known.delete(uid)) forgotten.push(uid);
        continue;
      }
      const version = this.#version(instance);
      if (known.get(uid) === version) continue;
      known.set(uid, version);
      tasks.push(this.#task(instance));
    }
    return tasks.length + forgotten.length > 0 ? { tasks, forgotten } : undefined;
  }

  #version(instance: Instance): string {
    const { sources } = this;
    const around = surroundingsOf(instance, sources.formations);
    return taskVersion(instance, around, trafficPercentOf(instance, sources));
  }

  #task(instance: Instance): Task {
    return toTask(instance, this.sources);
  }
}
