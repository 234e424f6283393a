// `gilliam logs` of 100,000 lines to a file, of an instance that lives and of one that is gone, against `docker logs`;
// and what the executor spends while nobody reads.
import { spawn } from 'node:child_process';
import { openSync, closeSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { StageHarness } from '../test/e2e/harness';
import { clientOf, scale } from './lib/client';
import { median, print, say } from './lib/figure';
import { until } from './lib/run';

const lines = 100_000;
const rounds = 5;
const script = `i=0; while [ $i -lt ${lines} ]; do i=$((i+1)); echo "line $i of a service that has much to say about what it does"; done; exec sleep infinity`;

void (async () => {
  say('starting a stage');
  const stage = await StageHarness.start({ hostPortBase: 13_000 });
  try {
    const cwd = await stage.app('bench', { Procfile: `idle: ${script}\n` });
    await stage.succeed(['create', 'bench'], { cwd });
    await stage.succeed(['deploy'], { cwd });
    await measure(stage, cwd);
  } finally {
    await stage.stop();
  }
})();

async function measure(stage: StageHarness, cwd: string): Promise<void> {
  const client = clientOf(stage);
  const file = join(cwd, 'out');
  const bin = join(process.cwd(), 'bin', 'gilliam');
  const executor = stage.process('executor')?.pid ?? 0;
  const before = cpuMs(executor);
  await scale(client, 'bench', { idle: 1 });
  await until('all is printed', 60_000, async () =>
    (await toFile(bin, ['logs', '-n', '1'], stage, cwd, file)).text.includes(`line ${lines} `),
  );
  say(`the executor spent ${cpuMs(executor) - before} ms of processor time meanwhile`);
  const [id = ''] = await stage.containers('status=running');
  const living: number[] = [];
  const docker: number[] = [];
  const gone: number[] = [];
  for (let round = 0; round < rounds; round++) {
    living.push((await toFile(bin, ['logs'], stage, cwd, file)).elapsedMs);
    docker.push((await toFile('docker', ['logs', id], stage, cwd, file)).elapsedMs);
  }
  await scale(client, 'bench', { idle: 0 });
  await until('it is gone', 60_000, async () => (await stage.containers()).length === 0);
  client.close();
  for (let round = 0; round < rounds; round++)
    gone.push((await toFile(bin, ['logs', '-a'], stage, cwd, file)).elapsedMs);
  const perSecond = (samples: readonly number[]) => (lines / median(samples)) * 1000;
  const peer = { name: 'docker logs', value: perSecond(docker) };
  const common = { bench: 'logs', unit: 'lines/s', samples: rounds, peer, target: 'at least 50,000 lines/s' };
  print({ ...common, figure: `${lines} lines of a living instance to a file`, value: perSecond(living) });
  print({ ...common, figure: `${lines} lines of one that is gone to a file`, value: perSecond(gone) });
}

/** Runs a program with its output in the file, as a shell does. */
function toFile(
  command: string,
  args: readonly string[],
  stage: StageHarness,
  cwd: string,
  file: string,
): Promise<{ readonly elapsedMs: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const out = openSync(file, 'w');
    const started = performance.now();
    const child = spawn(command, [...args], { cwd, env: stage.env, stdio: ['ignore', out, 'inherit'] });
    child.once('error', reject);
    child.once('close', (code) => {
      const elapsedMs = performance.now() - started;
      closeSync(out);
      if (code === 0) resolve({ elapsedMs, text: readFileSync(file, 'utf8').slice(-200) });
      else reject(new Error(`${command} ${args.join(' ')} ended with ${code}`));
    });
  });
}

/** Processor time that a process has used, in milliseconds: the kernel counts in hundredths of a second. */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
