import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { extract, type Header, pack } from 'tar-stream';
import { formations, releases, scales } from '../../../pkg/resource/objects';
import { formatBundle, parseBundle } from '../lib/bundle';
import { CliHarness } from '../testing/cli-harness';

let here: CliHarness;
let there: CliHarness;
let web: string;
let redis: string;

beforeEach(async () => {
  here = await CliHarness.start();
  there = await CliHarness.start();
  web = here.api.images.add('the image of web '.repeat(1_000));
  redis = here.api.images.add('redis', `registry.example/redis@sha256:${'7'.repeat(64)}`);
  await here.api.client.apply.applyFormation({
    name: 'formations/shop',
    desired: {
      release: {
        image: web,
        config: { LEVEL: 'debug' },
        message: 'first',
        processes: {
          web: { command: ['serve'], ports: [{ containerPort: 8080 }] },
          _cache: {
            image: `registry.example/redis@sha256:${'7'.repeat(64)}`,
            auxiliary: { type: 'redis', urlVariable: 'CACHE_URL', url: 'redis://:{secret}@{host}' },
          },
        },
      },
    },
  });
});
afterEach(() => Promise.all([here.close(), there.close()]));

const file = 'shop-v1.bundle';
const exporting = (line = '') => here.gilliam(`release export v1 --formation shop${line}`);

/** Brings the file to the other stage's machine, changed on the way. */
function carry(change: (bytes: Buffer) => Buffer = (bytes) => bytes): void {
  const path = (harness: CliHarness) => join(harness.directory, 'work', file);
  there.write(file, '');
  writeFileSync(path(there), change(readFileSync(path(here))));
}

interface Entry {
  readonly header: Partial<Header> & { readonly name: string };
  readonly content: Buffer;
}

async function repack(change: (entries: Entry[]) => Entry[]): Promise<void> {
  const entries: Entry[] = [];
  const reader = extract();
  reader.end(readFileSync(join(here.directory, 'work', file)));
  for await (const entry of reader) {
    entries.push({ header: entry.header, content: await buffer(entry as AsyncIterable<Uint8Array>) });
  }
  const archive = pack();
  for (const { header, content } of change(entries)) {
    if (header.type === 'symlink') archive.entry(header);
    else archive.entry({ ...header, size: content.length }, content);
  }
  archive.finalize();
  const bytes = await buffer(archive);
  carry(() => bytes);
}

const nothingThere = async () => expect((await there.api.store.list(formations)).items).toEqual([]);

test('a release is launched on another stage, its images along with it', async () => {
  const exported = await exporting(' --with-images');
  expect(exported).toMatchObject({ code: 0, stderr: '' });
  const [line, digest] = exported.stdout.trim().split('\n');
  expect(line).toBe(`v1 of shop written to ${file}, with 16.6 KiB of images`);
  carry();
  const launched = await there.gilliam(`launch store ${file} --scale web=2 --sha256 ${digest}`);
  expect(launched).toMatchObject({
    code: 0,
    stdout: 'store launched from v1 of shop: v1 released, 2 images sent, scaled to web=2\n',
  });
  expect([web, redis].map((id) => there.api.images.has(id))).toEqual([true, true]);
  const key = { formation: 'store', name: 'v1' };
  const release = await there.api.store.get(releases, key);
  expect(release?.spec).toMatchObject({
    image: web,
    config: { LEVEL: 'debug' },
    message: 'first',
    processes: { web: { command: ['serve'] }, _cache: { image: redis } },
  });
  expect((await there.api.store.get(scales, key))?.spec.factors).toEqual({ web: 2 });
});

test('the file has no secrets, and each launch makes its own', async () => {
  await exporting(' --with-images');
  const secretOf = async ({ api }: CliHarness, formation: string) =>
    (await api.store.get(releases, { formation, name: 'v1' }))?.spec.processes._cache?.auxiliary?.secret ??
    '';
  const secret = await secretOf(here, 'shop');
  expect(secret).not.toBe('');
  expect(readFileSync(join(here.directory, 'work', file)).includes(secret)).toBe(false);
  carry();
  await there.gilliam(`launch shop ${file}`);
  expect(await secretOf(there, 'shop')).toMatch(/^[0-9a-f]{64}$/);
  expect(await secretOf(there, 'shop')).not.toBe(secret);
});

test('without --scale nothing runs; with --plan nothing is written; --json is one value', async () => {
  await exporting(' --with-images');
  carry();
  const planned = await there.gilliam(`launch shop ${file} --plan`);
  expect(planned).toMatchObject({ code: 0, stdout: 'would launch shop from v1 of shop, 2 images sent\n' });
  await nothingThere();
  expect(there.api.images.has(web)).toBe(false);
  const { stdout } = await there.gilliam(`launch shop ${file} --json`);
  expect(JSON.parse(stdout)).toMatchObject({ release: { metadata: { name: 'v1' } } });
  expect((await there.api.store.list(scales)).items).toEqual([]);
});

test('without --with-images the images have to be there already', async () => {
  expect((await exporting()).stdout).toContain('without images');
  carry();
  expect(await there.gilliam(`launch shop ${file}`)).toMatchObject({
    code: 1,
    stderr: `error: image ${web.slice(0, 19)} of the bundle is not on this stage: export it with gilliam release export v1 --with-images\n`,
  });
  await nothingThere();
  there.api.images.add('the image of web '.repeat(1_000));
  expect(await there.gilliam(`launch shop ${file}`)).toMatchObject({ code: 0 });
});

test.each(['', ' --with-images'])(
  'export%s of a release whose image is gone says so, and leaves no file',
  async (flags) => {
    here.api.images.remove(web);
    const { code, stderr } = await exporting(flags);
    expect([code, stderr]).toEqual([1, expect.stringContaining(`is gone from the stage's engine`)]);
    expect(() => readFileSync(join(here.directory, 'work', file))).toThrow('ENOENT');
  },
);

test('a formation that exists is not touched', async () => {
  await exporting();
  expect(await here.gilliam(`launch shop ${file}`)).toMatchObject({
    code: 1,
    stderr: 'error: formation shop exists already: launch makes a new one, choose another name\n',
  });
});

describe('a file that was tampered with is refused before anything is written:', () => {
  const bundleJson = (entries: Entry[], change: (text: string) => string): Entry[] =>
    entries.map((entry, index) =>
      index === 0 ? { ...entry, content: Buffer.from(change(entry.content.toString())) } : entry,
    );
  const first: Partial<Header> & { name: string } = { name: '../../evil', size: 4, type: 'file' };

  test.each<[string, (entries: Entry[]) => Entry[], string]>([
    [
      'another command',
      (all) => bundleJson(all, (text) => text.replace('serve', 'shell')),
      'bundle.json is not what its digest says: get it again from whoever exported it',
    ],
    [
      'another image',
      ([json, , cache]) =>
        [json, { header: { name: 'images/1.tar' }, content: Buffer.from('x') }, cache] as Entry[],
      'images/1.tar is not what its digest says',
    ],
    ['an image less', (all) => all.slice(0, 2), 'images/2.tar is missing'],
    [
      'an image more',
      (all) => [...all, { header: { name: 'images/3.tar' }, content: Buffer.from('x') }],
      'it holds "images/3.tar", which it does not list',
    ],
    [
      'a way out',
      ([json, ...rest]) => [json as Entry, { header: first, content: Buffer.from('evil') }, ...rest],
      'it holds "../../evil", which it does not list',
    ],
    [
      'a link',
      ([json, ...rest]) => [
        json as Entry,
        {
          header: { name: 'images/1.tar', type: 'symlink', linkname: '/etc/passwd' },
          content: Buffer.alloc(0),
        },
        ...rest,
      ],
      'it holds "images/1.tar", which it does not list',
    ],
    ['the order', ([json, ...rest]) => [...rest, json as Entry], 'is no bundle'],
    ['no JSON', (all) => bundleJson(all, () => '{'), 'cannot be read'],
    [
      'another version',
      (all) => bundleJson(all, (text) => text.replace('bundle/1', 'bundle/9')),
      'no bundle of this version ("bundle/9")',
    ],
    ['nothing', () => [], 'is no bundle'],
  ])('%s', async (_, change, message) => {
    await exporting(' --with-images');
    await repack(change);
    const { code, stderr } = await there.gilliam(`launch shop ${file}`);
    expect([code, stderr]).toEqual([1, expect.stringContaining(message)]);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    await nothingThere();
    expect(there.api.images.has(web)).toBe(false);
  });

  test('one byte of it', async () => {
    await exporting(' --with-images');
    carry((bytes) => {
      const copy = Buffer.from(bytes);
      copy.write('T', copy.indexOf('the image of web'));
      return copy;
    });
    expect((await there.gilliam(`launch shop ${file}`)).stderr).toBe(
      `error: ${join(there.directory, 'work', file)} was damaged or tampered with: images/1.tar is not what its digest says: get it again from whoever exported it\n`,
    );
  });

  test('the half of it', async () => {
    await exporting(' --with-images');
    carry((bytes) => bytes.subarray(0, 6_000));
    expect((await there.gilliam(`launch shop ${file}`)).stderr).toContain('damaged or tampered with');
  });

  test('made up anew, where the digest is known', async () => {
    const digest = (await exporting(' --with-images')).stdout.trim().split('\n').at(-1) ?? '';
    await repack((all) =>
      bundleJson(all, (text) => {
        const { sha256: _, ...bundle } = parseBundle(text);
        return formatBundle({ ...bundle, formation: 'other' }).text;
      }),
    );
    expect((await there.gilliam(`launch shop ${file} --sha256 ${digest}`)).stderr).toContain(
      'is another bundle',
    );
    await nothingThere();
  });
});

test('what is no bundle at all is called so', async () => {
  for (const [name, text] of Object.entries({ note: 'hello', page: 'x'.repeat(5_000) })) {
    there.write(name, text);
    expect(await there.gilliam(`launch shop ${name}`)).toMatchObject({
      code: 1,
      stderr: `error: ${join(there.directory, 'work', name)} is no bundle: make one with gilliam release export\n`,
    });
  }
  expect(await there.gilliam(`launch shop ${there.directory}`)).toMatchObject({
    code: 1,
    stderr: `error: ${there.directory} cannot be read: it is a directory: name the file that gilliam release export has written\n`,
  });
});

test('export to where no file can be says so', async () => {
  here.write('taken/note', '');
  const work = join(here.directory, 'work');
  const output = async (path: string) => {
    const { code, stderr } = await exporting(` -o ${path}`);
    expect(code).toBe(1);
    return stderr;
  };
  expect(await output('/nosuch/dir/x')).toBe(
    'error: there is no directory /nosuch/dir: make it, or name another file with -o\n',
  );
  expect(await output('taken/note/x')).toBe(
    `error: ${work}/taken/note is no directory: name another file with -o\n`,
  );
  expect(await output('taken')).toBe(
    `error: ${work}/taken is a directory: name a file with -o, as in -o ${work}/taken/shop-v1.bundle\n`,
  );
});

test.each([
  ['launch shop', 2, 'FILE is missing'],
  ['launch shop none.bundle', 1, 'none.bundle cannot be read: there is no such file: name the file'],
  [`launch Shop ${file}`, 1, 'formation name "Shop" is not allowed'],
  [`launch shop2 ${file} --scale wbe=1`, 1, 'did you mean "web"?'],
  [`launch shop2 ${file} --scale web`, 2, 'neither a release nor a scale factor'],
  ['release export v9 --formation shop', 1, 'has no release v9'],
])('%s is refused', async (line, code, message) => {
  await exporting();
  const outcome = await here.gilliam(line);
  expect([outcome.code, outcome.stderr]).toEqual([code, expect.stringContaining(message)]);
});
