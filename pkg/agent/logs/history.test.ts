import type { LogsWanted } from '../../gen/gilliam/v1/session_service';
import { AgentRig } from '../../testing/agent-rig';
import { fakeTask } from '../../testing/task';

let rig: AgentRig;
beforeEach(async () => {
  rig = await new AgentRig().begin();
});
afterEach(() => rig.end());

/** What the executor answers, as `web.1 v1: line`. */
async function lines(wanted: Partial<LogsWanted>): Promise<string[]> {
  const stream = `s${Math.trunc(rig.clock.now())}-${JSON.stringify(Object.values(wanted).map(String))}`;
  rig.plane.wantLogs({ uid: '', ...wanted, stream });
  await rig.clock.advance(10);
  const { lines: found = [], error } = rig.plane.logs.get(stream) ?? {};
  const texts = found.map(({ instance, release, line }) => `${instance} ${release}: ${line.toString()}`);
  return error ? [...texts, error] : texts;
}

/** Runs instances that print, and end. */
async function past(...ordinals: number[]): Promise<void> {
  rig.plane.assign(...ordinals.map((ordinal) => fakeTask(ordinal)));
  await rig.clock.advance(100);
  for (const ordinal of ordinals) {
    rig.driver.print(rig.id(`u${ordinal}`), `hello ${ordinal}`);
    rig.driver.print(rig.id(`u${ordinal}`), `bye ${ordinal}`);
  }
  rig.plane.stop(...ordinals.map((ordinal) => `u${ordinal}`));
  await rig.clock.advance(100);
  rig.plane.forget(ordinals.map((ordinal) => `u${ordinal}`));
  await rig.clock.advance(100);
  expect(rig.driver.containers).toEqual([]);
}

test('what instances printed outlives them, and the executor’s restart', async () => {
  await past(1, 2);
  await rig.restart();
  expect(await lines({ formation: 'shop' })).toEqual([
    'web.1 v1: hello 1',
    'web.1 v1: bye 1',
    'web.2 v1: hello 2',
    'web.2 v1: bye 2',
  ]);
  expect(await lines({ formation: 'shop', instance: 'web.2' })).toHaveLength(2);
  expect(await lines({ formation: 'shop', release: 'v2' })).toEqual([]);
  expect(await lines({ formation: 'blog' })).toEqual([]);
});

test('each line says which container has printed it', async () => {
  rig.plane.assign(fakeTask(1), fakeTask(2));
  await rig.clock.advance(100);
  const gone = rig.id('u1').slice(0, 12);
  for (const uid of ['u1', 'u2']) rig.driver.print(rig.id(uid), 'hello');
  rig.plane.stop('u1');
  await rig.clock.advance(100);
  rig.plane.forget(['u1']);
  await rig.clock.advance(100);
  const containerOf = async (wanted: Partial<LogsWanted>) => {
    const stream = JSON.stringify(wanted);
    rig.plane.wantLogs({ uid: '', ...wanted, stream });
    await rig.clock.advance(10);
    return rig.plane.logs.get(stream)?.lines.map(({ container }) => container);
  };
  expect(await containerOf({ formation: 'shop' })).toEqual([gone]);
  expect(await containerOf({ uid: 'u2' })).toEqual([rig.id('u2').slice(0, 12)]);
});

test('the lines are chosen here: by text, by time, and the last of each', async () => {
  await past(1, 2);
  const shop = { formation: 'shop' };
  expect(await lines({ ...shop, contains: 'bye' })).toEqual(['web.1 v1: bye 1', 'web.2 v1: bye 2']);
  expect(await lines({ ...shop, tailLines: 1 })).toEqual(['web.1 v1: bye 1', 'web.2 v1: bye 2']);
  expect(await lines({ ...shop, tailLines: 1, contains: 'hello 1' })).toEqual(['web.1 v1: hello 1']);
  expect(await lines({ ...shop, until: new Date(rig.clock.now() - 60_000) })).toEqual([]);
  expect(await lines({ ...shop, since: new Date(rig.clock.now() + 60_000) })).toEqual([]);
});

test('one that is gone is found by its uid, where its history is wanted', async () => {
  await past(1);
  expect(await lines({ uid: 'u1', formation: 'shop' })).toHaveLength(2);
  expect(await lines({ uid: 'u1' })).toEqual(['the instance is not on this executor any more']);
});

test('of one that lives, too, the text is looked for before the last are counted', async () => {
  rig.plane.assign(fakeTask(1));
  await rig.clock.advance(100);
  for (const line of ['an error', 'fine', 'another error', 'fine']) rig.driver.print(rig.id('u1'), line);
  expect(await lines({ uid: 'u1', contains: 'error', tailLines: 1 })).toEqual(['web.1 v1: another error']);
});

test('a container whose lines cannot be kept goes all the same', async () => {
  rig.archive.failure = new Error('no space left on device');
  await past(1);
  expect(await lines({ formation: 'shop' })).toEqual([]);
});

test('nothing is copied while an instance lives', async () => {
  rig.plane.assign(fakeTask(1));
  await rig.clock.advance(100);
  rig.driver.print(rig.id('u1'), 'hello');
  await rig.clock.advance(600_000);
  expect(await rig.archive.find({})).toEqual([]);
});
