// `gilliam ps` as a whole process, against Node doing nothing.
import { median, print } from './lib/figure';
import { run } from './lib/run';
import { withStage } from './lib/stage';

const rounds = 21;

void withStage(13_200, async (stage, cwd) => {
  await stage.succeed(['scale', 'idle=3', '--wait'], { cwd });
  // Reading certificates costs every Node process the same again; it says nothing about this one.
  const env = { ...stage.env, NODE_EXTRA_CA_CERTS: undefined };
  const bin = `${process.cwd()}/bin/gilliam`;
  const ps: number[] = [];
  const node: number[] = [];
  for (let round = 0; round < rounds; round++) {
    ps.push((await run(bin, ['ps'], { cwd, env })).elapsedMs);
    node.push((await run(process.execPath, ['-e', '0'], { cwd, env })).elapsedMs);
  }
  print({
    ...{ bench: 'ps', figure: 'gilliam ps', value: median(ps), unit: 'ms', samples: rounds },
    peer: { name: 'node -e 0', value: median(node) },
    target: 'ratio <= 5',
  });
});
