import type { ContainerSpec } from './container-spec';
import type { Container, ContainerEvent, Driver, LogEntry, Owner } from './driver';
import { BadCommand, ContainerGone, ImageMissing, PortTaken, VolumeInUse } from './driver-errors';
import { labels } from './labels';
import type { CommandTerminal } from './terminal/command-terminal';

/** An engine to run the suite on. */
export interface DriverUnderTest {
  readonly driver: Driver;
  /** An image with /bin/sh and sleep. */
  readonly image: string;
  /** Host ports from here on are free. */
  readonly portsFrom: number;
  /** Makes a container print. Real ones are given it as their command. */
  print?(id: string, line: string, stream: 'stdout' | 'stderr'): void;
  /** Ends a container's process by SIGKILL, as the kernel would. */
  kill(id: string): Promise<void>;
  /** Takes a port of the host until the returned function is called. */
  takePort(port: number): Promise<() => Promise<void>>;
  /** Lets `ms` pass. */
  pass(ms: number): Promise<void>;
}

/** What every driver must do alike. `open` is called once. Leaves no container behind. */
export function describeDriver(open: () => Promise<DriverUnderTest>, suffix: string): void {
  const stage = `contract-${suffix}`;
  const owner: Owner = { stage, key: stage, executor: 'e1' };
  let under: DriverUnderTest;
  let driver: Driver;
  let made = 0;
  const ended = new AbortController();

  beforeAll(async () => {
    under = await open();
    driver = under.driver;
  });

  afterEach(async () => {
    for (const executor of ['e1', 'e2']) {
      for (const { id } of await driver.list({ stage, key: stage, executor })) await driver.remove(id);
    }
  });

  afterAll(() => ended.abort());

  function spec(patch: Partial<ContainerSpec> = {}): ContainerSpec {
    const uid = `uid-${++made}`;
    return {
      name: `${stage}.web-1.${uid}`,
      image: under.image,
      command: ['/bin/sh', '-c', 'sleep 300'],
      environment: {},
      labels: { [labels.stage]: stage, [labels.executor]: 'e1', [labels.instance]: uid },
      hostname: 'web-1-1',
      ports: [],
      bindAddress: '127.0.0.1',
      dns: [],
      dnsSearch: [],
      cpuMillis: 0,
      memoryBytes: 0,
      pids: 100,
      graceMs: 1000,
      capabilities: [],
      logs: { bytes: 1024 * 1024, files: 2 },
      ...patch,
    };
  }

  async function started(patch: Partial<ContainerSpec> = {}): Promise<{ id: string; spec: ContainerSpec }> {
    const made = spec(patch);
    const { id } = await driver.create(made);
    await driver.start(id);
    return { id, spec: made };
  }

  async function look(id: string): Promise<Container> {
    const container = await driver.inspect(id);
    if (!container) throw new Error('the container is gone');
    return container;
  }

  async function until<T>(probe: () => Promise<T | undefined>, what: string): Promise<T> {
    for (let tries = 0; tries < 200; tries++) {
      const found = await probe();
      if (found !== undefined) return found;
      await under.pass(50);
    }
    throw new Error(`${what}: not within 10 s`);
  }

  const exited = (id: string): Promise<Container> =>
    until(async () => {
      const container = await look(id);
      return container.state === 'exited' ? container : undefined;
    }, 'an exit');

  test('a volume is made once, outlives containers, and is removed when none has it', async () => {
    const volume = { name: `${stage}.shop._db.1.data`, path: '/data', labels: { [labels.stage]: stage } };
    await driver.createVolume(volume);
    await driver.createVolume(volume);
    const { id } = await started({ volumes: [volume] });
    const sh = (container: string, line: string) => driver.exec(container, ['/bin/sh', '-c', line]);
    expect(await sh(id, 'echo kept > /data/file')).toMatchObject({ exitCode: 0 });
    await expect(driver.removeVolume(volume.name)).rejects.toThrow(VolumeInUse);
    await driver.stop(id, 0);
    await expect(driver.removeVolume(volume.name)).rejects.toThrow(VolumeInUse);
    await driver.remove(id);
    const again = await started({ volumes: [volume] });
    expect(await sh(again.id, 'read line < /data/file; test "$line" = kept')).toMatchObject({ exitCode: 0 });
    await driver.remove(again.id);
    await driver.removeVolume(volume.name);
    await driver.removeVolume(volume.name);
  });

  test('says what its machine has', async () => {
    const info = await driver.info();
    expect(info.cpuMillis).toBeGreaterThanOrEqual(1000);
    expect(info.memoryBytes).toBeGreaterThan(2 ** 20);
  });

  test('a container is created, started, stopped and removed, and says so', async () => {
    const wanted = spec({ ports: [{ containerPort: 8080, hostPort: under.portsFrom }] });
    const { id, existed } = await driver.create(wanted);
    expect(existed).toBe(false);
    expect(await look(id)).toMatchObject({ id, name: wanted.name, state: 'created', labels: wanted.labels });
    await driver.start(id);
    const running = await look(wanted.name);
    expect(running).toMatchObject({ id, state: 'running', ports: wanted.ports });
    expect(running.startedMs).toBeGreaterThan(0);
    expect(running.address).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
    expect(running.link).toBeGreaterThan(0);
    expect(running.exitCode).toBeUndefined();
    await driver.stop(id, 1000);
    const stopped = await look(id);
    expect(stopped).toMatchObject({ state: 'exited', exitCode: 143, ports: wanted.ports });
    expect(stopped.finishedMs).toBeGreaterThanOrEqual(running.startedMs as number);
    await driver.remove(id);
    expect(await driver.inspect(id)).toBeUndefined();
  });

  test('a container is reached by another link after each start, whatever its address is', async () => {
    const { id } = await started();
    const before = await look(id);
    await driver.stop(id, 0);
    expect((await look(id)).link).toBeUndefined();
    await driver.start(id);
    expect((await look(id)).link).toBeGreaterThan(before.link as number);
  });

  test('invariant 2: a second container of the same name is not made; the first one is the answer', async () => {
    const wanted = spec();
    const first = await driver.create(wanted);
    expect(await driver.create(wanted)).toEqual({ id: first.id, existed: true });
    expect(await driver.list(owner)).toHaveLength(1);
  });

  test('every verb may be repeated', async () => {
    const { id } = await started();
    await driver.start(id);
    await driver.stop(id, 1000);
    await driver.stop(id, 1000);
    await driver.remove(id);
    await driver.remove(id);
    await driver.stop(id, 1000);
  });

  test('what does not exist is gone, not an error, unless it is needed', async () => {
    expect(await driver.inspect('no-such-container')).toBeUndefined();
    await expect(driver.start('no-such-container')).rejects.toThrow(ContainerGone);
    await expect(driver.exec('no-such-container', ['true'])).rejects.toThrow(ContainerGone);
    await expect(read('no-such-container')).rejects.toThrow(ContainerGone);
  });

  test('lists its owner’s containers only, running or not', async () => {
    const { id } = await started();
    const { id: idle } = await driver.create(spec());
    const other = spec();
    await driver.create({ ...other, labels: { ...other.labels, [labels.executor]: 'e2' } });
    const ids = (await driver.list(owner)).map((container) => container.id);
    expect([...ids].sort()).toEqual([id, idle].sort());
  });

  test('an exited container is started again in place', async () => {
    const { id, spec: wanted } = await started({
      ports: [{ containerPort: 8080, hostPort: under.portsFrom + 1 }],
    });
    const before = await look(id);
    await under.kill(id);
    expect((await exited(id)).exitCode).toBe(137);
    await under.pass(20);
    await driver.start(id);
    const again = await look(id);
    expect(again).toMatchObject({ id, state: 'running', ports: wanted.ports });
    expect(again.startedMs).toBeGreaterThan(before.startedMs as number);
  });

  test('a process that ends by itself leaves its exit code', async () => {
    const { id } = await started({ command: ['/bin/sh', '-c', 'exit 3'] });
    expect(await exited(id)).toMatchObject({ exitCode: 3, outOfMemory: false });
  });

  test('SIGKILL follows when the grace period is over', async () => {
    const { id } = await started({ command: ['/bin/sh', '-c', 'trap "" TERM; sleep 300 & wait; sleep 300'] });
    // The shell has to come to its trap first.
    await under.pass(300);
    await driver.stop(id, 1000);
    expect((await look(id)).state).toBe('exited');
  });

  test('ImageMissing: an image id that the engine does not have', async () => {
    const missing = `sha256:${'0'.repeat(64)}`;
    await expect(driver.create(spec({ image: missing }))).rejects.toThrow(ImageMissing);
    await expect(driver.create(spec({ image: missing }))).rejects.toThrow(/is not on this executor/);
  });

  test('BadCommand: a program that the image does not have never runs', async () => {
    const { id } = await driver.create(spec({ command: ['no-such-program'] }));
    // Docker's init starts and finds out, with a line of its own; a driver may also know at once.
    const outcome = await driver.start(id).then(
      async () => (await exited(id)).exitCode,
      (error: unknown) => error,
    );
    if (outcome !== 127) expect(outcome).toBeInstanceOf(BadCommand);
  });

  test('PortTaken: by another container, or by something else on the host', async () => {
    const hostPort = under.portsFrom + 2;
    const ports = [{ containerPort: 8080, hostPort }];
    const first = await started({ ports });
    const second = await driver.create(spec({ ports }));
    await expect(driver.start(second.id)).rejects.toThrow(PortTaken);
    await driver.remove(first.id);
    const release = await under.takePort(hostPort);
    try {
      const error: unknown = await driver.start(second.id).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(PortTaken);
      expect((error as PortTaken).port).toBe(hostPort);
    } finally {
      await release();
    }
    await driver.start(second.id);
    expect((await look(second.id)).state).toBe('running');
  });

  test('events: what happens after the subscription is told, of its owner only', async () => {
    const stop = new AbortController();
    const events = await driver.events(owner, stop.signal);
    const seen: ContainerEvent[] = [];
    const reading = (async () => {
      for await (const event of events) seen.push(event);
    })();
    const other = spec();
    await driver.create({ ...other, labels: { ...other.labels, [labels.executor]: 'e2' } });
    const { id, spec: wanted } = await started();
    await under.kill(id);
    await exited(id);
    await driver.remove(id);
    await until(async () => (seen.length >= 3 ? true : undefined), 'three events');
    stop.abort();
    await reading;
    const uid = wanted.labels[labels.instance] as string;
    expect(seen).toEqual([
      { id, uid, action: 'started' },
      { id, uid, action: 'exited', exitCode: 137 },
      { id, uid, action: 'removed' },
    ]);
  });

  test('exec runs a command in the container and gives its exit code', async () => {
    const { id } = await started();
    expect((await driver.exec(id, ['/bin/sh', '-c', 'exit 0'])).exitCode).toBe(0);
    expect((await driver.exec(id, ['/bin/sh', '-c', 'exit 4'])).exitCode).toBe(4);
    await driver.stop(id, 1000);
    await expect(driver.exec(id, ['/bin/sh', '-c', 'exit 0'])).rejects.toThrow(ContainerGone);
  });

  test('names are resolved where the spec says', async () => {
    const dns = ['198.18.16.1'];
    const { id } = await started({ dns, dnsSearch: ['shop.service'] });
    const script = 'while read -r line; do echo "$line"; done < /etc/resolv.conf';
    const { exitCode, output } = await driver.exec(id, ['/bin/sh', '-c', script]);
    expect(exitCode).toBe(0);
    const lines = output.split('\n').map((line) => line.trim());
    expect(lines.filter((line) => /^(search|nameserver) /.test(line))).toEqual([
      'search shop.service',
      'nameserver 198.18.16.1',
    ]);
  });

  test('whoever attaches before the start misses nothing, and is told how it ended', async () => {
    const { id } = await driver.create(
      spec({ command: ['cat'], attach: { tty: false }, logs: { bytes: 0, files: 0 } }),
    );
    const terminal = await driver.attach(id, { tty: false });
    await driver.start(id);
    const reading = textOf(terminal);
    await terminal.write(Buffer.from('hello '));
    await terminal.write(Buffer.from('world'));
    terminal.end();
    expect(await reading).toBe('world'.padStart(11, 'hello '));
    expect(await terminal.exit(ended.signal)).toBe(0);
    expect((await exited(id)).exitCode).toBe(0);
    terminal.close();
  });

  test('a command beside a container’s own has streams and an exit code of its own', async () => {
    const { id } = await started();
    const terminal = await driver.open(id, { command: ['/bin/sh', '-c', 'exit 7'], tty: false });
    expect(await textOf(terminal)).toBe('');
    expect(await terminal.exit(ended.signal)).toBe(7);
    terminal.close();
    const cat = await driver.open(id, { command: ['cat'], tty: false });
    const reading = textOf(cat);
    await cat.write(Buffer.from('hello'));
    cat.end();
    expect(await reading).toBe('hello');
    cat.close();
    await driver.stop(id, 1000);
    await expect(driver.open(id, { command: ['cat'], tty: false })).rejects.toThrow(ContainerGone);
  });

  async function textOf({ output }: CommandTerminal): Promise<string> {
    const pieces: Uint8Array[] = [];
    for await (const { bytes } of output) pieces.push(bytes);
    return Buffer.concat(pieces).toString('utf8');
  }

  async function printing(lines: readonly string[]): Promise<string> {
    const script = lines.map((line) => `echo ${line}; sleep 0.05;`).join(' ');
    const { id } = await started({ command: ['/bin/sh', '-c', `${script} echo no >&2; sleep 300`] });
    for (const line of lines) under.print?.(id, line, 'stdout');
    under.print?.(id, 'no', 'stderr');
    await until(async () => ((await read(id)).length > lines.length ? true : undefined), 'the lines');
    return id;
  }

  async function read(
    id: string,
    options: { tailLines?: number; sinceNs?: bigint } = {},
  ): Promise<LogEntry[]> {
    const entries: LogEntry[] = [];
    for await (const batch of driver.logs(id, { follow: false, ...options }, ended.signal))
      entries.push(...batch);
    return entries;
  }

  test('logs: all, the last lines, and those since a time', async () => {
    const id = await printing(['one', 'two', 'three']);
    const all = await read(id);
    const texts = all.map(({ line, stream }) => `${stream} ${line.toString()}`);
    expect(texts).toEqual(['stdout one', 'stdout two', 'stdout three', 'stderr no']);
    expect((await read(id, { tailLines: 2 })).map(({ line }) => line.toString())).toEqual(['three', 'no']);
    expect(await read(id, { sinceNs: (all[1] as LogEntry).timeNs })).toEqual(all.slice(1));
    expect(await read(id, { sinceNs: (all[3] as LogEntry).timeNs + 1n })).toEqual([]);
  });

  test('logs: followed until the container exits, or the reader leaves', async () => {
    const id = await printing(['one']);
    const seen: string[] = [];
    const reading = (async () => {
      for await (const batch of driver.logs(id, { follow: true }, ended.signal))
        seen.push(...batch.map(({ line }) => line.toString()));
    })();
    await until(async () => (seen.length >= 2 ? true : undefined), 'the lines');
    for await (const [entry] of driver.logs(id, { follow: true }, ended.signal)) {
      expect(entry?.line.toString()).toBe('one');
      break;
    }
    await under.kill(id);
    await until(async () => ((await look(id)).state === 'exited' ? true : undefined), 'an exit');
    await reading;
    expect(seen).toEqual(['one', 'no']);
  });

  test('a call that is aborted ends', async () => {
    const stop = new AbortController();
    stop.abort(new Error('enough'));
    await expect(driver.inspect('any', stop.signal)).rejects.toThrow('enough');
  });
}
