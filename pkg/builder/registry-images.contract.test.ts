import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { promisify } from 'node:util';
import Docker from 'dockerode';
import { SystemClock } from '../base/clock';
import { PreconditionError } from '../base/errors';
import { silentLogger } from '../base/log';
import { auxiliaryImages } from '../manifest/auxiliary-image';
import { typeCatalog } from '../manifest/type-catalog';
import { DockerRegistry } from '../testing/docker-registry';
import { removeTinyImage, tinyImage } from '../testing/tiny-image';
import { DockerBuilder } from './docker-builder';
import { inChunks, tarOfFiles } from './testing';

jest.setTimeout(120_000);

const run = promisify(execFile);
const clock = new SystemClock();
const stage = `registry-${randomUUID().slice(0, 8)}`;
const never = new AbortController().signal;
const builder = () =>
  new DockerBuilder({
    docker: new Docker(),
    clock,
    log: silentLogger,
    stage,
    baseImage: 'gilliam/base:bookworm',
  });

/** A type whose image is in the registry, under a name that nobody else uses. */
function typeOf(image: string) {
  const memcached = typeCatalog().get('memcached');
  if (!memcached) throw new Error('memcached is no type');
  const copy = { '/bin/sleep': '/usr/local/bin/tiny-sleep' };
  return { ...memcached, image: { ...memcached.image, registry: `${image}:{version}`, copy } };
}

/** Builds the first candidate of the type; its image and what was printed. */
async function build(by: DockerBuilder, image: string): Promise<{ image: string; output: string }> {
  const [tree] = auxiliaryImages(typeOf(image), '1.6');
  const tar = inChunks(await tarOfFiles(Object.fromEntries(tree?.files ?? [])));
  const input = { formation: 'tiny', commit: '', tar, commandsElsewhere: true, mayFallBack: true };
  let output = '';
  for await (const part of by.build(input, never)) {
    if (part.$case === 'output') output += part.value.toString();
    if (part.$case === 'result') return { image: part.value.image, output };
  }
  throw new Error(`nothing was built\n${output}`);
}

describe('an auxiliary service whose image is in a registry', () => {
  let registry: DockerRegistry;
  let name: string;

  beforeAll(async () => {
    registry = await DockerRegistry.start();
    name = `${registry.host}/tiny-${stage}`;
    await run('docker', ['tag', await tinyImage(), `${name}:1.6`]);
    await run('docker', ['push', `${name}:1.6`]);
    await run('docker', ['rmi', `${name}:1.6`]);
  });
  afterAll(async () => {
    await run('docker', ['rmi', '--force', `${name}:1.6`]).catch(() => {});
    const { stdout } = await run('docker', ['images', '-q', `gilliam/${stage}/tiny`]);
    for (const id of new Set(stdout.split('\n').filter(Boolean))) await run('docker', ['rmi', '--force', id]);
    await removeTinyImage();
    await registry.stop();
  });

  test('is pulled from there, and made the same service as that of packages', async () => {
    const { image, output } = await build(builder(), name);
    expect(output).toMatch(/Pulling from tiny-/);
    await run('docker', ['run', '--rm', '--entrypoint', '/usr/local/bin/tiny-sleep', image, '0']);
    const { stdout } = await run('docker', ['inspect', '--format', '{{.Config.User}}', image]);
    expect(stdout.trim()).toBe('10001:10001');
    // The engine has it now: that the registry is gone does not matter.
    expect((await build(builder(), name)).image).toBe(image);
  });
});

describe('a registry that does not answer', () => {
  let server: Server;
  let host: string;
  const open = new Set<Socket>();

  beforeAll(async () => {
    // Takes connections, and says nothing: as slow as a firewall that drops packets.
    server = createServer((socket) => void open.add(socket.on('error', () => {})));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });

  test('is given up within seconds where something else may be tried, and not asked again for a while', async () => {
    const by = builder();
    const beganMs = clock.monotonic();
    const first = build(by, `${host}/none`);
    await expect(first).rejects.toThrow(PreconditionError);
    await expect(first).rejects.toThrow(`the registry ${host} has not answered within 5 s`);
    const gaveUpMs = clock.monotonic();
    expect(gaveUpMs - beganMs).toBeLessThan(10_000);
    await expect(build(by, `${host}/other`)).rejects.toThrow(
      `the registry ${host} did not answer a moment ago`,
    );
    expect(clock.monotonic() - gaveUpMs).toBeLessThan(4_000);
  });
});
