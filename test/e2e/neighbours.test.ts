import { StageHarness } from './harness';

// Two users of one machine, who both keep the default name: one engine, two stages called `same`.
describe('stages of one name', () => {
  const stages: StageHarness[] = [];

  beforeAll(async () => {
    for (const hostPortBase of [12_600, 12_700]) {
      const stage = await StageHarness.start({ hostPortBase, findsPorts: true, stage: 'same' });
      stages.push(stage);
      const cwd = await stage.app('shop', { Procfile: 'worker: exec sleep 1000\n' });
      await stage.succeed(['create', 'shop'], { cwd });
      await stage.succeed(['deploy'], { cwd });
      await stage.succeed(['scale', 'worker=1', '--wait'], { cwd });
    }
  });
  afterAll(() => Promise.all(stages.map((stage) => stage.stop())));

  test('each keeps to its own containers and images, to the end', async () => {
    const [one, other] = stages as [StageHarness, StageHarness];
    expect(await one.containers()).toHaveLength(1);
    const before = await other.containerStarts();
    expect(Object.keys(before)).toHaveLength(1);
    await one.succeed(['down', '--forget'], { timeoutMs: 120_000 });
    expect(await other.containerStarts()).toEqual(before);
    await other.succeed(['scale', 'worker=2', '--wait', '--formation', 'shop']);
    expect(await other.containers('status=running')).toHaveLength(2);
  });
});
