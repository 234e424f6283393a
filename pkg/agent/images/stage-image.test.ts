import { InstanceState } from '../../gen/gilliam/v1/instance';
import { AgentRig } from '../../testing/agent-rig';
import { fakeTask } from '../../testing/task';
import { ImageMissing, PullFailed } from '../driver-errors';

const image = `sha256:${'a1'.repeat(32)}`;
let rig: AgentRig;
afterEach(() => rig.end());

/** An executor whose engine has nothing, and that has images of the stage as `fetch` brings them to it. */
async function open(
  fetch: (bring: () => Promise<void>, attempt: number) => Promise<void>,
): Promise<string[]> {
  const fetched: string[] = [];
  rig = new AgentRig(
    { images: [], registry: [image] },
    {},
    {
      images: (driver) => ({
        fetch: async (asked, signal) => {
          fetched.push(asked);
          await fetch(() => driver.pull(asked, signal), fetched.length);
        },
      }),
    },
  );
  await rig.begin();
  return fetched;
}

test('an image of the stage that the engine does not have is fetched once for all of its instances', async () => {
  const fetched = await open((bring) => bring());
  rig.plane.assign(fakeTask(1, { image }), fakeTask(2, { image }));
  await rig.clock.advance(100);
  expect(rig.driver.running).toHaveLength(2);
  expect(fetched).toEqual([image]);
});

test('an instance is pulling until the image is there, and tries again with back-off', async () => {
  await open(async (bring, attempt) => {
    if (attempt < 3) throw new PullFailed('the image registry does not answer');
    await bring();
  });
  rig.plane.assign(fakeTask(1, { image }));
  await rig.clock.advance(100);
  expect(rig.plane.status('u1')).toMatchObject({ state: InstanceState.PULLING, reason: 'PullFailed' });
  expect(rig.plane.status('u1')?.message).toMatch(
    /^the image registry does not answer; retrying in 0?\.?\d s$/,
  );
  await rig.clock.advance(10_000);
  expect(rig.driver.running).toHaveLength(1);
});

test('an image that the stage does not have fails the instance, with what to do', async () => {
  const fetched = await open(async () => {
    throw new ImageMissing('it is nowhere: deploy again');
  });
  rig.plane.assign(fakeTask(1, { image }));
  await rig.clock.advance(60_000);
  expect(rig.plane.status('u1')).toMatchObject({
    state: InstanceState.FAILED,
    reason: 'ImageMissing',
    message: 'it is nowhere: deploy again',
  });
  expect(fetched).toHaveLength(1);
});

test('a fetch that nobody waits for any more ends', async () => {
  let ended = false;
  rig = new AgentRig(
    { images: [] },
    {},
    {
      images: () => ({
        fetch: (_, signal) =>
          new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => {
              ended = true;
              reject(signal.reason as Error);
            });
          }),
      }),
    },
  );
  await rig.begin();
  rig.plane.assign(fakeTask(1, { image }));
  await rig.clock.advance(100);
  expect([rig.state('u1'), ended]).toEqual([InstanceState.PULLING, false]);
  rig.plane.stop('u1');
  await rig.clock.advance(100);
  expect(ended).toBe(true);
});
