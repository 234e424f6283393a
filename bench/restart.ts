// A container that was killed runs again: how long that takes, against `docker start` of it.
import { median, print, say } from './lib/figure';
import { run, until } from './lib/run';
import { withStage } from './lib/stage';

const rounds = 7;

interface State {
  readonly Running: boolean;
  readonly StartedAt: string;
  readonly FinishedAt: string;
}

void withStage(13_100, async (stage, cwd) => {
  const again: number[] = [];
  const peers: number[] = [];
  for (let round = 0; round < rounds; round++) {
    // A new instance each time, so that its back-off is the first one.
    await stage.succeed(['scale', 'idle=1', '--wait'], { cwd });
    const [id] = (await stage.containers('status=running')) as [string];
    const before = await state(id);
    await run('docker', ['kill', id]);
    await until('the container runs again', 20_000, async () => {
      const now = await state(id);
      return now.Running && now.StartedAt !== before.StartedAt;
    });
    const after = await state(id);
    again.push(Date.parse(after.StartedAt) - Date.parse(after.FinishedAt));
    await stage.succeed(['scale', 'idle=0', '--wait'], { cwd });
    await until('the container is gone', 20_000, async () => (await stage.containers()).length === 0);
    peers.push(await dockerStart(cwd));
    say(`round ${round}: again after ${again.at(-1)} ms, docker start ${peers.at(-1)?.toFixed(0)} ms`);
  }
  const peer = median(peers);
  print({
    ...{
      bench: 'restart',
      figure: 'killed to running again',
      value: median(again),
      unit: 'ms',
      samples: rounds,
    },
    peer: { name: '2 × docker start + 500 ms back-off', value: 2 * peer + 500 },
    target: 'ratio <= 1',
  });
});

async function state(id: string): Promise<State> {
  const { stdout } = await run('docker', ['inspect', '--format', '{{json .State}}', id]);
  return JSON.parse(stdout) as State;
}

/** `docker start` of a stopped container of the same image. */
async function dockerStart(cwd: string): Promise<number> {
  const { stdout } = await run('docker', ['images', '--quiet', '--no-trunc', 'gilliam/*/bench'], { cwd });
  const [image] = stdout.split('\n') as [string];
  const id = (
    await run('docker', ['create', '--init', '--entrypoint', 'sleep', image, 'infinity'])
  ).stdout.trim();
  try {
    return (await run('docker', ['start', id])).elapsedMs;
  } finally {
    await run('docker', ['rm', '--force', id]);
  }
}
