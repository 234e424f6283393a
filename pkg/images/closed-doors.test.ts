import { createServer, type AddressInfo } from 'node:net';
import { silentLogger } from '../base/log';
import { FakeImageEngine } from '../testing/fake-image-engine';
import { freePort } from '../testing/tcp-proxy';
import { ClosedDoors } from './closed-doors';

const repository = 'gilliam/prod-1f2e3d4c';
const never = new AbortController().signal;
const image = (digits: string) => `sha256:${digits.repeat(32)}`;

test('what a process that was killed has left is forgotten; what is on its way, or of others, is not', async () => {
  const open = createServer();
  await new Promise<void>((resolve) => open.listen(0, '127.0.0.1', resolve));
  const { port } = open.address() as AddressInfo;
  const closed = await freePort();
  const engine = new FakeImageEngine();
  const kept = [
    `127.0.0.1:${port}/${repository}:a1`,
    `127.0.0.1:${closed}/gilliam/test-1f2e3d4c:a1`,
    `127.0.0.1:${closed}/mine:a1`,
    `10.0.0.1:${closed}/${repository}:a1`,
    `${repository}/fetched:a1`,
  ];
  engine.add(image('a1'), ...kept, `127.0.0.1:${closed}/${repository}:a1`);
  engine.add(image('b2'), `127.0.0.1:${closed}/${repository}:b2`);
  await new ClosedDoors({ engine, log: silentLogger }).forget(repository, never);
  expect(engine.names()).toEqual(kept);
  expect(engine.has(image('b2'))).toBe(false);
  open.close();
});

test('an engine that does not answer is asked again the next time, and keeps nobody from his work', async () => {
  const engine = new FakeImageEngine();
  const asked = jest.spyOn(engine, 'allNames').mockRejectedValueOnce(new Error('is it running?'));
  const doors = new ClosedDoors({ engine, log: silentLogger });
  await doors.forget(repository, never);
  await doors.forget(repository, never);
  await doors.forget(repository, never);
  expect(asked).toHaveBeenCalledTimes(2);
});
