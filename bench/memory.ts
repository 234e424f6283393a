// Resident memory of Gilliam's own processes on a stage that does nothing: without etcd and Docker.
import { readFileSync } from 'node:fs';
import { print } from './lib/figure';
import { withStage } from './lib/stage';

const settleMs = 20_000;

void withStage(13_300, async (stage) => {
  await new Promise((resolve) => setTimeout(resolve, settleMs));
  let total = 0;
  for (const component of ['supervisor', 'controlplane', 'executor'] as const) {
    const pid = stage.process(component)?.pid;
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const mebibytes = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
    total += mebibytes;
    print({ bench: 'memory', figure: component, value: mebibytes, unit: 'MiB resident' });
  }
  print({
    bench: 'memory',
    figure: 'all of an idle stage',
    value: total,
    unit: 'MiB resident',
    target: '<= 300',
  });
});
