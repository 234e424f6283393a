import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import Docker from 'dockerode';
import { InvalidError, NotFoundError } from '../base/errors';
import { DockerImages } from './docker-images';
import { inChunks, tarOfFiles } from './testing';

const docker = new Docker();
const { signal } = new AbortController();
const stage = `test-${process.pid}`;
let directory: string;
let images: DockerImages;
let id: string;
beforeAll(async () => {
  // With a layer that no other image has: an engine that has a layer does not read it again.
  const input = await tarOfFiles({ data: randomBytes(200_000) });
  id = execFileSync('docker', ['import', '-'], { input }).toString().trim();
  directory = mkdtempSync(join(tmpdir(), 'gilliam-images-'));
  images = new DockerImages({ docker, stage, directory });
}, 60_000);
afterAll(async () => {
  await docker
    .getImage(id)
    .remove({ force: true })
    .catch(() => {});
  rmSync(directory, { recursive: true, force: true });
});

const saved = () => buffer(images.save(id, signal));
const gone = async () => {
  await docker.getImage(id).remove({ force: true });
  await expect(images.find(id, signal)).rejects.toThrow(NotFoundError);
};

test('an image goes out, and comes in again under its own digest, named so that nothing prunes it', async () => {
  expect(await images.find(id, signal)).toBe(id);
  const archive = await saved();
  await gone();
  await images.load(id, inChunks(archive), signal);
  expect(await images.find(id, signal)).toBe(id);
  const { RepoTags } = await docker.getImage(id).inspect();
  expect(RepoTags).toEqual([`gilliam/${stage}/launched:${id.slice(7, 19)}`]);
  expect(readdirSync(directory)).toEqual([]);
}, 60_000);

test('an archive of another image, or with a layer of another, leaves the engine as it was', async () => {
  const archive = await saved();
  await gone();
  const other = `sha256:${'1'.repeat(64)}`;
  await expect(images.load(other, inChunks(archive), signal)).rejects.toThrow(InvalidError);
  // Somewhere in the layer, which is most of it.
  const changed = Buffer.from(archive);
  changed.write('tampered', Math.floor(archive.length / 2));
  await expect(images.load(id, inChunks(changed), signal)).rejects.toThrow(InvalidError);
  await expect(images.find(id, signal)).rejects.toThrow(NotFoundError);
  expect(readdirSync(directory)).toEqual([]);
  await images.load(id, inChunks(archive), signal);
}, 60_000);
