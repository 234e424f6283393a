import { StageHarness } from '../../test/e2e/harness';
import { say } from './figure';

/** An app with a process that does nothing, on a stage of its own that is gone afterwards. */
export async function withStage(
  hostPortBase: number,
  measure: (stage: StageHarness, cwd: string) => Promise<void>,
): Promise<void> {
  say('starting a stage');
  const stage = await StageHarness.start({ hostPortBase });
  try {
    const cwd = await stage.app('bench', {
      Procfile: 'idle: exec sleep infinity\n',
    });
    await stage.succeed(['create', 'bench'], { cwd });
    await stage.succeed(['deploy'], { cwd });
    await measure(stage, cwd);
  } finally {
    await stage.stop();
  }
}
