import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Docker from 'dockerode';
import { SystemClock } from '../base/clock';
import { silentLogger } from '../base/log';
import { SystemRandom } from '../base/random';
import { DockerImageEngine } from '../images/docker-image-engine';
import { HttpRegistry } from '../images/http-registry';
import { Publisher } from '../images/publisher';
import { parseRegistry } from '../images/registry-setting';
import { StageRepository } from '../images/stage-repository';
import { eventually } from '../testing/api-harness';
import { removeTinyImage, tinyImage } from '../testing/tiny-image';

jest.setTimeout(60_000);
const clock = new SystemClock();
const random = new SystemRandom();
const never = new AbortController().signal;
const directory = mkdtempSync(join(tmpdir(), 'gilliam-images-'));
const socket = join(directory, 'images.sock');
const registry = new HttpRegistry({ place: parseRegistry(`unix:${socket}`), clock });
const repository = new StageRepository(registry, 'gilliam/contract-images');
let running: ChildProcess | undefined;

/** As the supervisor does: what is left of the socket goes first. */
async function start(): Promise<ChildProcess> {
  rmSync(socket, { force: true });
  running = spawn(join(__dirname, '../../hack/images.sh'), [directory, socket], { stdio: 'ignore' });
  await eventually(() => repository.list(never), 20_000);
  return running;
}

async function stop(): Promise<void> {
  if (!running || running.exitCode !== null) return;
  const ended = once(running, 'exit');
  running.kill();
  await ended;
}

afterAll(async () => {
  await stop();
  await registry.close();
  await removeTinyImage();
  rmSync(directory, { recursive: true });
});

function bytesIn(path: string): number {
  if (!existsSync(path)) return 0;
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

test('images of a stage are kept over a restart; the space of forgotten ones is freed by one', async () => {
  await start();
  const engine = new DockerImageEngine(new Docker(), clock);
  const publisher = new Publisher({ engine, registry, repository, random, log: silentLogger });
  const image = await tinyImage();
  await publisher.publish(image, never);
  const blobs = join(directory, 'data/docker/registry/v2/blobs');
  const kept = bytesIn(blobs);
  expect(kept).toBeGreaterThan(500_000);

  await stop();
  await start();
  expect(await repository.has(image, never)).toBe(true);
  expect(bytesIn(blobs)).toBe(kept);

  await repository.remove(image, never);
  await stop();
  await start();
  expect(await repository.list(never)).toEqual([]);
  expect(bytesIn(blobs)).toBe(0);
  // What was freed can be brought again.
  await publisher.publish(image, never);
  expect(await repository.has(image, never)).toBe(true);
});
