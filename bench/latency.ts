// From a Scale write to the container's create call, as the engine's socket sees it.
import { mkdtempSync, rmSync } from 'node:fs';
import { connect as connectTo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clientOf, scale } from './lib/client';
import { print, quantile, say } from './lib/figure';
import { until } from './lib/run';
import { withStage } from './lib/stage';

const rounds = 150;
/** Instances that run at a time: scaled back to none when reached. */
const batch = 15;

const directory = mkdtempSync(join(tmpdir(), 'gilliam-bench-'));
const socket = join(directory, 'docker.sock');
let onCreate: (atMs: number) => void = () => {};

// Between the executor and the engine: passes everything on, and notes when a create call comes by.
const between = createServer((executor) => {
  const engine = connectTo('/var/run/docker.sock');
  executor.on('data', (data) => {
    if (/^POST \S*\/containers\/create/m.test(data.toString('latin1'))) onCreate(performance.now());
  });
  executor.pipe(engine).pipe(executor);
  for (const end of [executor, engine]) end.on('error', () => (executor.destroy(), engine.destroy()));
});

between.listen(socket, () => {
  process.env.DOCKER_HOST = `unix://${socket}`;
  void withStage(13_400, async (stage) => {
    const client = clientOf(stage);
    const samples: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const factor = (round % batch) + 1;
      const created = new Promise<number>((resolve) => (onCreate = resolve));
      const started = performance.now();
      await scale(client, 'bench', { idle: factor });
      samples.push((await created) - started);
      await until(
        'the instance runs',
        20_000,
        async () => (await stage.containers('status=running')).length === factor,
      );
      if (factor < batch) continue;
      await scale(client, 'bench', { idle: 0 });
      await until('all containers are gone', 60_000, async () => (await stage.containers()).length === 0);
      say(`${round + 1} of ${rounds}`);
    }
    client.close();
    const common = { bench: 'latency', unit: 'ms', samples: rounds };
    const figure = 'Scale write to container create call';
    print({ ...common, figure: `${figure}, median`, value: quantile(samples, 0.5), target: '<= 50' });
    print({
      ...common,
      figure: `${figure}, 99th percentile`,
      value: quantile(samples, 0.99),
      target: '<= 150',
    });
  }).finally(() => {
    between.close();
    rmSync(directory, { recursive: true, force: true });
  });
});
