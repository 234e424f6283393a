// 0 → 20 instances running, against the same 20 containers by parallel `docker run -d`, and against Docker Swarm.
import type { Client } from '../pkg/client/client';
import { InstanceState } from '../pkg/gen/gilliam/v1/instance';
import type { StageHarness } from '../test/e2e/harness';
import { clientOf, scale } from './lib/client';
import { removeLabelled, sameAs } from './lib/docker';
import { median, print, say } from './lib/figure';
import { run, until } from './lib/run';
import { withStage } from './lib/stage';

const count = 20;
const rounds = 5;
const label = 'gilliam-bench=start';
const service = 'gilliam-bench-start';

void withStage(13_000, async (stage, cwd) => {
  const client = clientOf(stage);
  const gilliam: number[] = [];
  const docker: number[] = [];
  const swarm: number[] = [];
  await startAll(client, 1);
  const command = await sameAs(stage, label);
  await stopAll(client, stage);
  // The first round warms the engine and every cache, and is not counted.
  for (let round = 0; round <= rounds; round++) {
    const took = await startAll(client, count);
    await stopAll(client, stage);
    const peer = await runAll(command);
    await removeLabelled(label);
    say(`round ${round}: gilliam ${took.toFixed(0)} ms, docker run ${peer.toFixed(0)} ms`);
    if (round === 0) continue;
    gilliam.push(took);
    docker.push(peer);
  }
  client.close();
  for (let round = 0; round < 3; round++) swarm.push(await swarmAll(asService(command), cwd));
  const value = median(gilliam);
  print({
    ...{ bench: 'start', figure: `0 to ${count} instances running`, value, unit: 'ms', samples: rounds },
    peer: { name: `${count} parallel docker run -d`, value: median(docker) },
    target: 'ratio <= 1.3',
  });
  print({
    ...{ bench: 'start', figure: `0 to ${count} instances running`, value, unit: 'ms', samples: rounds },
    peer: { name: `docker service create --replicas ${count}`, value: median(swarm) },
    target: 'ratio well below 1',
  });
});

/** From the write of the factor to the last instance's `running`, as a watching client sees it. */
async function startAll(client: Client, factor: number): Promise<number> {
  const parent = 'formations/bench';
  const { revision } = await client.instances.listInstances({ parent, pageSize: 1 });
  const stop = new AbortController();
  const changes = client.watch.watch(
    { parent, kinds: ['Instance'], afterRevision: revision },
    { signal: stop.signal },
  );
  const started = performance.now();
  await scale(client, 'bench', { idle: factor });
  const running = new Set<string>();
  for await (const { changes: batch } of changes) {
    for (const { object } of batch) {
      if (object?.$case !== 'instance' || object.value.status?.state !== InstanceState.RUNNING) continue;
      running.add(object.value.metadata?.uid ?? '');
    }
    if (running.size === factor) break;
  }
  const took = performance.now() - started;
  stop.abort();
  return took;
}

async function stopAll(client: Client, stage: StageHarness): Promise<void> {
  await scale(client, 'bench', { idle: 0 });
  await until('all containers are gone', 60_000, async () => (await stage.containers()).length === 0);
}

async function runAll(command: readonly string[]): Promise<number> {
  const started = performance.now();
  await Promise.all(Array.from({ length: count }, () => run('docker', command)));
  return performance.now() - started;
}

/** The same options, for `docker service create`, where some have other names and none is detached. */
function asService(command: readonly string[]): string[] {
  const unknown = new Set(['run', '--detach']);
  const known = command.filter((word, index) => {
    const security = word === '--security-opt' || command[index - 1] === '--security-opt';
    return !unknown.has(word) && !security;
  });
  return known.map((word) =>
    word === '--pids-limit' ? '--limit-pids' : word === '--label' ? '--container-label' : word,
  );
}

/** A one-node swarm of its own, gone afterwards. */
async function swarmAll(options: readonly string[], cwd: string): Promise<number> {
  await run('docker', ['swarm', 'init', '--advertise-addr', '127.0.0.1'], { cwd });
  try {
    const started = performance.now();
    await run('docker', [
      ...[
        'service',
        'create',
        '--detach',
        '--name',
        service,
        '--endpoint-mode',
        'dnsrr',
        '--no-resolve-image',
      ],
      ...['--replicas', String(count), ...options],
    ]);
    const running = async () => {
      const filters = ['--filter', 'desired-state=running', '--format', '{{.CurrentState}}'];
      const { stdout } = await run('docker', ['service', 'ps', service, ...filters]);
      return stdout.split('\n').filter((line) => line.startsWith('Running')).length === count;
    };
    await until('all of the swarm’s tasks run', 120_000, running);
    const took = performance.now() - started;
    say(`swarm: ${took.toFixed(0)} ms`);
    return took;
  } finally {
    await run('docker', ['service', 'rm', service]).catch(() => undefined);
    await run('docker', ['swarm', 'leave', '--force']);
    await removeLabelled(`com.docker.swarm.service.name=${service}`);
  }
}
