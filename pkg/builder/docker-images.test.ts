import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Docker from 'dockerode';
import { DockerImages } from './docker-images';

const { signal } = new AbortController();
const directory = mkdtempSync(join(tmpdir(), 'gilliam-images-'));
afterAll(() => rmSync(directory, { recursive: true }));

test('an upload has no name while it comes: whatever ends the control plane leaves nothing behind', async () => {
  const images = new DockerImages({ docker: new Docker(), stage: 'test', directory });
  const seen: string[][] = [];
  async function* upload(): AsyncIterable<Uint8Array> {
    for (let chunk = 0; chunk < 3; chunk++) {
      yield Buffer.alloc(1000, 'x');
      // Asked for the next one, so it has written this one.
      seen.push(readdirSync(directory));
    }
    throw new Error('killed');
  }
  await expect(images.load(`sha256:${'1'.repeat(64)}`, upload(), signal)).rejects.toThrow('killed');
  expect(seen).toEqual([[], [], []]);
});
