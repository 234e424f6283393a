// A second deploy with one changed source line, against `docker build` of the same Dockerfile and context.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { median, print, say } from './lib/figure';
import { run } from './lib/run';
import { withStage } from './lib/stage';

const rounds = 7;
const example = join(process.cwd(), 'examples/express-hello');
const tag = 'gilliam-bench-deploy';

void withStage(13_500, async (stage) => {
  const names = readdirSync(example).filter((name) => name !== 'node_modules');
  const files = Object.fromEntries(names.map((name) => [name, readFileSync(join(example, name), 'utf8')]));
  const cwd = await stage.app('deployed', files);
  const source = join(cwd, names.find((name) => /^(server|app|web|index)\.js$/.test(name)) as string);
  await stage.succeed(['create', 'deployed'], { cwd });
  await stage.succeed(['deploy'], { cwd });
  const plan = await stage.json<{ dockerfile: string }>(['deploy', '--plan'], { cwd });
  // The same tree elsewhere, so that neither profits from what the other has built.
  // What the builder adds to the context; what is in it makes no difference.
  const peer = await stage.app('peer', {
    ...files,
    Dockerfile: plan.dockerfile,
    '.gilliam/ca.crt': certificates(),
  });
  await run('docker', ['build', '--tag', tag, '.'], { cwd: peer, env: stage.env });

  const deploys: number[] = [];
  const builds: number[] = [];
  for (let round = 0; round < rounds; round++) {
    writeFileSync(source, `${readFileSync(source, 'utf8')}// ${round}\n`);
    await stage.commit(cwd, `change ${round}`);
    deploys.push(
      (await run(join(process.cwd(), 'bin/gilliam'), ['deploy'], { cwd, env: stage.env })).elapsedMs,
    );
    const copy = join(peer, source.slice(cwd.length));
    writeFileSync(copy, `${readFileSync(copy, 'utf8')}// peer ${round}\n`);
    builds.push((await run('docker', ['build', '--tag', tag, '.'], { cwd: peer, env: stage.env })).elapsedMs);
    say(
      `round ${round}: deploy ${deploys.at(-1)?.toFixed(0)} ms, docker build ${builds.at(-1)?.toFixed(0)} ms`,
    );
  }
  await run('docker', ['rmi', '--force', tag]);
  print({
    ...{
      bench: 'deploy',
      figure: 'second deploy, one line changed',
      value: median(deploys),
      unit: 'ms',
      samples: rounds,
    },
    peer: { name: 'docker build', value: median(builds) },
    target: 'ratio <= 1.5',
  });
});

function certificates(): string {
  const path = process.env.NODE_EXTRA_CA_CERTS ?? '/etc/ssl/certs/ca-certificates.crt';
  return readFileSync(path, 'utf8');
}
