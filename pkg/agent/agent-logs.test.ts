import { AgentRig } from '../testing/agent-rig';
import { fakeTask } from '../testing/task';

let rig: AgentRig;

afterEach(() => rig.end());

describe('logs', () => {
  const texts = (stream: string): string[] =>
    rig.plane.logs.get(stream)?.lines.map(({ instance, line }) => `${instance} ${line.toString()}`) ?? [];

  test('what is there, then the end', async () => {
    rig = await AgentRig.open();
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(100);
    rig.driver.print(rig.id('u1'), 'one');
    rig.driver.print(rig.id('u1'), 'two', 'stderr');
    rig.plane.wantLogs({ stream: 's', uid: 'u1', tailLines: 1 });
    await rig.clock.advance(0);
    expect(texts('s')).toEqual(['web.1 two']);
    expect(rig.plane.logs.get('s')).toMatchObject({ ended: true, error: '' });
  });

  test('followed through a restart and to the end of the instance, each line once', async () => {
    rig = await AgentRig.open();
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(100);
    rig.driver.print(rig.id('u1'), 'one');
    rig.plane.wantLogs({ stream: 's', uid: 'u1', follow: true });
    await rig.clock.advance(10);
    rig.driver.exit(rig.id('u1'));
    await rig.clock.advance(1000);
    rig.driver.print(rig.id('u1'), 'two');
    await rig.clock.advance(100);
    rig.driver.vanish(rig.id('u1'));
    await rig.clock.advance(2000);
    rig.driver.print(rig.id('u1'), 'three');
    await rig.clock.advance(10);
    expect(texts('s')).toEqual(['web.1 one', 'web.1 two', 'web.1 three']);
    rig.plane.stop('u1');
    await rig.clock.advance(200);
    expect(rig.plane.logs.get('s')).toMatchObject({ ended: true, error: '' });
  });

  test('of an instance that is not here: an error', async () => {
    rig = await AgentRig.open();
    rig.plane.wantLogs({ stream: 's', uid: 'none' });
    await rig.clock.advance(0);
    expect(rig.plane.logs.get('s')).toMatchObject({
      ended: true,
      error: expect.stringMatching(/not on this/) as string,
    });
  });

  test('a slow reader is not run over', async () => {
    rig = await AgentRig.open();
    rig.plane.assign(fakeTask(1));
    await rig.clock.advance(100);
    for (let line = 0; line < 10_000; line++) rig.driver.print(rig.id('u1'), `line ${line}`);
    let taken = 0;
    let release = () => {};
    rig.plane.takeLogs = async () => {
      if (++taken === 2) await new Promise<void>((resolve) => (release = resolve));
    };
    rig.plane.wantLogs({ stream: 's', uid: 'u1' });
    await rig.clock.advance(1000);
    expect(texts('s')).toHaveLength(4096);
    release();
    await rig.clock.advance(10);
    expect(texts('s')).toHaveLength(10_000);
  });
});
