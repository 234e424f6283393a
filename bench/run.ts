// `gilliam run true` against `docker run --rm … true` on the same image, taking turns.
import { median, print, say } from './lib/figure';
import { run } from './lib/run';
import { withStage } from './lib/stage';

const rounds = 15;

void withStage(13_000, async (stage, cwd) => {
  const gilliam: number[] = [];
  const docker: number[] = [];
  const released = await stage.succeed(['releases', '--json'], { cwd });
  const [release] = JSON.parse(released.stdout) as [{ spec: { image: string } }];
  const { image } = release.spec;
  // The first rounds warm the engine and every cache, and are not counted.
  for (let round = -2; round < rounds; round++) {
    const started = performance.now();
    await stage.succeed(['run', 'true'], { cwd });
    const took = performance.now() - started;
    // As docker run does it for an instance's container: with an init, so that signals arrive.
    const { elapsedMs } = await run('docker', ['run', '--rm', '--init', '--entrypoint', 'true', image]);
    say(`round ${round}: gilliam ${took.toFixed(0)} ms, docker ${elapsedMs.toFixed(0)} ms`);
    if (round < 0) continue;
    gilliam.push(took);
    docker.push(elapsedMs);
  }
  print({
    ...{ bench: 'run', figure: 'a command once', value: median(gilliam), unit: 'ms', samples: rounds },
    peer: { name: 'docker run --rm', value: median(docker) },
    target: 'ratio <= 1.4',
  });
});
