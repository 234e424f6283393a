import { createHash } from 'node:crypto';
import { checkImageArchive } from './image-check';
import { inChunks, tarOf, tarOfFiles } from './testing';

const config = '{"architecture":"amd64"}';
const digest = createHash('sha256').update(config).digest('hex');
const id = `sha256:${digest}`;
const manifest = (over: object = {}) =>
  JSON.stringify([{ Config: `${digest}.json`, RepoTags: null, ...over }]);
const sound = { [`${digest}.json`]: config, 'a/layer.tar': 'x'.repeat(10_000), 'manifest.json': manifest() };

const check = async (archive: Buffer, image = id) =>
  checkImageArchive(inChunks(archive), image, new AbortController().signal);

test('an archive of the image passes, in the old form and in the new one', async () => {
  await check(await tarOfFiles(sound));
  const blob = `blobs/sha256/${digest}`;
  await check(await tarOfFiles({ [blob]: config, 'manifest.json': manifest({ Config: blob }) }));
});

test.each<[string, () => Promise<Buffer>, string]>([
  [
    'another image',
    () => tarOfFiles({ ...sound, [`${digest}.json`]: '{}' }),
    'it holds another image than sha256:',
  ],
  [
    'two images',
    () => tarOfFiles({ ...sound, 'manifest.json': JSON.stringify([{}, {}]) }),
    'it holds 2 images',
  ],
  ['no image', () => tarOfFiles({ ...sound, 'manifest.json': '[]' }), 'it holds 0 images'],
  [
    'a name',
    () => tarOfFiles({ ...sound, 'manifest.json': manifest({ RepoTags: ['gilliam/base:bookworm'] }) }),
    'it gives the image a name',
  ],
  ['no manifest', () => tarOfFiles({ a: 'b' }), 'it has no manifest.json'],
  ['a broken manifest', () => tarOfFiles({ ...sound, 'manifest.json': '{' }), 'cannot be read'],
  ['no tar', async () => Buffer.alloc(2_048, 'x'), 'no sound tar archive'],
  ['half a tar', async () => (await tarOfFiles(sound)).subarray(0, 5_000), 'no sound tar archive'],
  [
    'a configuration elsewhere',
    () => tarOf([{ name: 'manifest.json', content: manifest({ Config: '../x' }) }]),
    'another image',
  ],
  // What the engine unpacks would not be what was checked.
  ...['./manifest.json', 'a/../manifest.json', '/manifest.json', 'a//b', '../b'].map(
    (name): [string, () => Promise<Buffer>, string] => [
      `an entry called ${name}`,
      () => tarOfFiles({ ...sound, [name]: manifest({ RepoTags: ['victim:latest'] }) }),
      'which docker save does not write',
    ],
  ),
  [
    'a second manifest',
    () => tarOf(['{}', manifest()].map((content) => ({ name: 'manifest.json', content }))),
    'twice',
  ],
  [
    'a link',
    () => tarOf([{ name: 'a', type: 'symlink', linkname: '.' }]),
    '"a", which docker save does not write',
  ],
  [
    'a name in the index',
    () =>
      tarOfFiles({
        ...sound,
        'index.json': JSON.stringify({
          manifests: [{ annotations: { 'io.containerd.image.name': 'docker.io/library/victim:latest' } }],
        }),
      }),
    'index.json gives the image a name',
  ],
])('%s is refused', async (_, archive, message) => {
  await expect(check(await archive())).rejects.toThrow(message);
});
