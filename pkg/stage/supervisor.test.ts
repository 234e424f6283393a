import { toDisposable } from '../base/disposable';
import { silentLogger } from '../base/log';
import { VirtualClock } from '../testing/virtual-clock';
import type { Component } from './components';
import type { ExitRecord, ProcessRecord } from './process-record';
import { type Processes, Supervisor } from './supervisor';

class FakeProcesses implements Processes {
  readonly living = new Map<string, ProcessRecord>();
  readonly starts: { name: string; atMs: number; restarts: number }[] = [];
  readonly exits: { name: string; status?: string }[] = [];
  readonly children = new Set<string>();
  broken = new Set<string>();
  #tell: (name: string, exit: ExitRecord) => void = () => {};

  constructor(private readonly clock: VirtualClock) {}

  find(name: string) {
    return this.living.get(name);
  }

  start(component: Component, restarts: number): ProcessRecord {
    const { name } = component;
    this.starts.push({ name, atMs: this.clock.monotonic(), restarts });
    if (this.broken.has(name)) throw new Error('no such program');
    const record = {
      pid: this.starts.length,
      startTicks: 1,
      bootId: 'b',
      startedAtMs: 0,
      version: '1',
      restarts,
    };
    this.living.set(name, record);
    this.children.add(name);
    return record;
  }

  onExit(callback: (name: string, exit: ExitRecord) => void) {
    this.#tell = callback;
    return toDisposable(() => (this.#tell = () => {}));
  }

  noteExit(name: string, { status }: ExitRecord) {
    this.exits.push({ name, status });
  }

  rotateLogs() {}

  kill(name: string) {
    this.living.delete(name);
    if (this.children.delete(name)) this.#tell(name, { atMs: this.clock.now(), status: 'SIGKILL' });
  }
}

describe('supervisor', () => {
  let clock: VirtualClock;
  let processes: FakeProcesses;
  let stop: AbortController;
  let running: Promise<void>;

  async function supervise(...names: string[]): Promise<void> {
    const components = names.map((name) => ({ name }) as Component);
    stop = new AbortController();
    running = new Supervisor({ components, processes, clock, log: silentLogger }).run(stop.signal);
    await clock.settle();
  }

  beforeEach(() => {
    clock = new VirtualClock();
    processes = new FakeProcesses(clock);
  });

  afterEach(async () => {
    stop.abort();
    await running;
    expect(clock.pending).toBe(0);
  });

  test('starts everything', async () => {
    await supervise('etcd', 'executor');
    expect([...processes.living.keys()]).toEqual(['etcd', 'executor']);
  });

  test('starts a killed component again at once, and only that one', async () => {
    await supervise('etcd', 'executor');
    await clock.advance(60_000);
    processes.kill('etcd');
    await clock.settle();
    expect(processes.starts.at(-1)).toEqual({ name: 'etcd', atMs: 60_000, restarts: 1 });
    expect(processes.starts).toHaveLength(3);
    expect(processes.exits).toEqual([{ name: 'etcd', status: 'SIGKILL' }]);
  });

  test('adopts what an earlier supervisor has started, and notices its end', async () => {
    await supervise('etcd');
    stop.abort();
    await running;
    processes.children.clear();
    await supervise('etcd');
    expect(processes.starts).toHaveLength(1);
    await clock.advance(30_000);
    processes.kill('etcd');
    await clock.advance(200);
    expect(processes.starts.at(-1)).toMatchObject({ name: 'etcd', restarts: 1 });
    expect(processes.living.has('etcd')).toBe(true);
  });

  test('ends without ending what it keeps', async () => {
    await supervise('etcd');
    stop.abort();
    await running;
    expect(processes.living.has('etcd')).toBe(true);
  });

  test('backs off from what cannot be run, and comes back to it', async () => {
    processes.broken.add('etcd');
    await supervise('etcd');
    await clock.advance(5_000);
    expect(processes.starts.map(({ atMs }) => atMs)).toEqual([0, 0, 500, 1500, 3500]);
    processes.broken.clear();
    await clock.advance(10_000);
    expect(processes.living.has('etcd')).toBe(true);
  });
});
