import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import { CancelledError, ExhaustedError, GilliamError, InvalidError } from '../base/errors';
import { Spool } from './spool';
import { inChunks, tarOf, tarOfFiles } from './testing';
import { DEFAULT_TREE_LIMITS } from './tree-check';

const never = new AbortController().signal;
type Entries = Parameters<typeof tarOf>[0];

function read(archive: Uint8Array, limits = {}, chunkBytes?: number): Promise<Spool> {
  return Spool.read(
    inChunks(archive, chunkBytes),
    { directory, limits: { ...DEFAULT_TREE_LIMITS, ...limits } },
    never,
  );
}

/** Unpacks with the system's tar into a directory; `use` sees it. */
async function unpacked<T>(archive: Uint8Array, use: (directory: string) => T): Promise<T> {
  const parent = mkdtempSync(join(tmpdir(), 'gilliam-test-'));
  const directory = join(parent, 'tree');
  mkdirSync(directory);
  try {
    execFileSync('tar', ['-x', '-P', '-C', directory], { input: archive, stdio: ['pipe', 'ignore', 'pipe'] });
    expect(readdirSync(parent)).toEqual(['tree']);
    return use(directory);
  } finally {
    rmSync(parent, { recursive: true, force: true });
  }
}

// Nobody else's temporary files are counted.
const directory = mkdtempSync(join(tmpdir(), 'gilliam-test-'));
afterAll(() => {
  expect(readdirSync(directory)).toEqual([]);
  rmSync(directory, { recursive: true });
});

describe('Spool', () => {
  it('keeps a tree as it is, with files added at its end', async () => {
    const archive = await tarOf([
      { name: './', type: 'directory' },
      { name: './Procfile', content: 'web: a' },
      { name: 'bin/run', content: '#!/bin/sh', mode: 0o4755, mtime: new Date(1_000_000) },
      { name: 'bin//', type: 'directory' },
      { name: 'bin/link', type: 'symlink', linkname: '../Procfile' },
      { name: 'bin/same', type: 'link', linkname: 'bin/run' },
      { name: 'empty', content: '' },
      { name: 'ü'.repeat(80), content: 'long and not ASCII' },
      { name: 'big', content: Buffer.alloc(3 * 1024 ** 2, 'x') },
    ]);
    const spool = await read(archive, {}, 1000);
    try {
      expect(spool.tree.texts).toEqual(new Map([['Procfile', 'web: a']]));
      expect(Object.fromEntries(spool.tree.entries)).toMatchObject({
        bin: 'directory',
        'bin/link': 'symlink',
      });
      const context = await buffer(spool.context([{ path: '.gilliam/Dockerfile', text: 'FROM x' }]));
      await unpacked(context, (directory) => {
        const text = (path: string) => readFileSync(join(directory, path), 'utf8');
        expect(text('.gilliam/Dockerfile')).toBe('FROM x');
        expect(text('bin/link')).toBe('web: a');
        expect(text('bin/same')).toBe('#!/bin/sh');
        expect(text('ü'.repeat(80))).toBe('long and not ASCII');
        expect(text('empty')).toBe('');
        expect(text('big').length).toBe(3 * 1024 ** 2);
        const { mode, mtimeMs } = statSync(join(directory, 'bin/run'));
        expect({ mode: mode & 0o7777, mtimeMs }).toEqual({ mode: 0o755, mtimeMs: 1_000_000 });
      });
    } finally {
      await spool.dispose();
    }
  });

  it('leaves out what it is told to', async () => {
    const names = ['a', 'b', `long/${'ü'.repeat(90)}`, 'c', 'd'];
    const spool = await read(
      await tarOfFiles(Object.fromEntries(names.map((name) => [name, name.repeat(200)]))),
    );
    try {
      for (const out of [[], ['a'], ['b', 'd'], [names[2]], names]) {
        const context = await buffer(
          spool.context([{ path: 'own', text: '' }], (path) => out.includes(path)),
        );
        const found = await unpacked(context, (directory) =>
          readdirSync(directory, { recursive: true, withFileTypes: true })
            .filter((entry) => entry.isFile())
            .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1)),
        );
        expect(found.sort()).toEqual([...names.filter((name) => !out.includes(name)), 'own'].sort());
      }
    } finally {
      await spool.dispose();
    }
  });

  it.each<[string, Entries, string]>([
    ['path traversal', [{ name: '../evil', content: '' }], 'entry "../evil" has .. in its name'],
    ['traversal in the middle', [{ name: 'a/../../evil', content: '' }], 'has .. in its name'],
    ['an absolute name', [{ name: '/etc/passwd', content: '' }], 'entry "/etc/passwd" has an absolute name'],
    [
      'a link out of the tree',
      [{ name: 'a', type: 'symlink', linkname: '../x' }],
      'entry "a" is a symbolic link out of the tree, to "../x"',
    ],
    [
      'an absolute link',
      [{ name: 'a', type: 'symlink', linkname: '/etc' }],
      'entry "a" is a symbolic link out of the tree, to "/etc"',
    ],
    [
      'an entry below a link',
      [
        { name: 'a', type: 'symlink', linkname: 'b' },
        { name: 'a/x', content: '' },
      ],
      'entry "a/x" lies below "a", which is a symlink',
    ],
    [
      'a link where a directory is',
      [
        { name: 'a/x', content: '' },
        { name: 'a', type: 'symlink', linkname: 'b' },
      ],
      'entry "a" is there twice',
    ],
    [
      'an entry below a file',
      [
        { name: 'a', content: '' },
        { name: 'a/x', content: '' },
      ],
      'entry "a/x" lies below "a", which is a file',
    ],
    [
      'a hard link out of the tree',
      [{ name: 'a', type: 'link', linkname: '/etc/passwd' }],
      'entry "/etc/passwd" has an absolute name',
    ],
    [
      'a hard link to nothing',
      [{ name: 'a', type: 'link', linkname: 'b' }],
      'entry "a" is a hard link to "b", which is no file of the tree before it',
    ],
    [
      'a hard link to a symbolic link',
      [
        { name: 's', type: 'symlink', linkname: 'x' },
        { name: 'a', type: 'link', linkname: 's' },
      ],
      'is no file of the tree',
    ],
    ['a character device', [{ name: 'null', type: 'character-device' }], 'entry "null" is a device file'],
    ['a block device', [{ name: 'disk', type: 'block-device' }], 'entry "disk" is a device file'],
    ['a named pipe', [{ name: 'pipe', type: 'fifo' }], 'entry "pipe" is a named pipe'],
    [
      'a file twice',
      [
        { name: 'a', content: '' },
        { name: './a', content: '' },
      ],
      'entry "a" is there twice',
    ],
    [
      'a NUL in a name',
      [{ name: 'a', pax: { path: 'a\0b' }, content: '' }],
      'has a NUL character in its name',
    ],
    [
      'a name that is too long',
      [{ name: 'a/'.repeat(40) + 'b'.repeat(1000), content: '' }],
      'has a name of more than 1024 bytes',
    ],
    [
      'a tree that is too deep',
      [{ name: 'a/'.repeat(70) + 'b', content: '' }],
      'is more than 64 directories deep',
    ],
    [
      'a Procfile that is a link',
      [{ name: 'Procfile', type: 'symlink', linkname: 'x' }],
      'entry "Procfile" is a symbolic link: the builder reads it as a file only',
    ],
    [
      'a root that is a file',
      [{ name: './', type: 'symlink', linkname: 'x' }],
      'is the root of the tree, but not a directory',
    ],
  ])('refuses %s', async (_what, entries, message) => {
    const failed = read(await tarOf([{ name: 'first', content: 'sound' }, ...entries]));
    await expect(failed).rejects.toThrow(InvalidError);
    await expect(failed).rejects.toThrow(message);
    expect(readdirSync(directory)).toEqual([]);
  });

  it.each([
    ['too many bytes', { maxBytes: 1024 ** 2 }, 'it has more than 1 MiB'],
    ['too many entries', { maxEntries: 5 }, 'it has more than 5 entries'],
    [
      'a file that is too big',
      { maxFileBytes: 1024 ** 2 },
      'file "big" has 2 MiB: at most 1 MiB are allowed',
    ],
  ])('refuses %s', async (_what, limits, message) => {
    const files = Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`f${index}`, '']));
    const failed = read(await tarOfFiles({ ...files, big: 'x'.repeat(2 * 1024 ** 2) }), limits);
    await expect(failed).rejects.toThrow(ExhaustedError);
    await expect(failed).rejects.toThrow(message);
  });

  it('refuses what is no archive, or not a whole one', async () => {
    const sound = await tarOfFiles({ a: 'x'.repeat(5000) });
    for (const archive of [Buffer.alloc(2000, 'x'), sound.subarray(0, 3000), sound.subarray(0, 700)]) {
      const failed = read(archive);
      await expect(failed).rejects.toThrow(InvalidError);
      await expect(failed).rejects.toThrow('the upload is not a sound tar archive');
    }
  });

  it('passes on why the upload failed, and stops when cancelled', async () => {
    async function* broken(): AsyncIterable<Uint8Array> {
      yield (await tarOfFiles({ a: 'x'.repeat(5000) })).subarray(0, 2000);
      throw new CancelledError('the client left');
    }
    await expect(Spool.read(broken(), { directory, limits: DEFAULT_TREE_LIMITS }, never)).rejects.toThrow(
      'the client left',
    );

    const controller = new AbortController();
    async function* stuck(): AsyncIterable<Uint8Array> {
      yield (await tarOfFiles({ a: 'x' })).subarray(0, 600);
      controller.abort();
      await new Promise(() => {});
    }
    const cancelled = Spool.read(stuck(), { directory, limits: DEFAULT_TREE_LIMITS }, controller.signal);
    await expect(cancelled).rejects.toThrow(CancelledError);
  });

  it('lets nothing out of the tree, whatever the names and links', async () => {
    const pathOf = (evilWeight: number) =>
      fc
        .array(
          fc.oneof(
            { weight: 20, arbitrary: fc.constantFrom('a', 'b', 'c', 'd') },
            { weight: evilWeight, arbitrary: fc.constantFrom('..', '..', '..', '.', '', '\0', '\uFFFD') },
          ),
          { minLength: 1, maxLength: 5 },
        )
        .map((parts) => parts.join('/'));
    const type = fc.oneof(
      { weight: 20, arbitrary: fc.constantFrom('file', 'directory', 'symlink') },
      { weight: 1, arbitrary: fc.constantFrom('link', 'fifo', 'character-device') },
    );
    const entry = fc.record({ name: pathOf(1), type, linkname: pathOf(10), viaPax: fc.boolean() });
    let kept = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { minLength: 1, maxLength: 6 }), async (entries) => {
        const archive = await tarOf(
          entries.map(({ viaPax, ...header }) => ({
            ...header,
            name: viaPax || header.name === '' ? 'placeholder' : header.name,
            ...(viaPax && { pax: { path: header.name } }),
            ...(header.type === 'file' && { content: 'x' }),
          })),
        );
        let spool: Spool;
        try {
          spool = await read(archive);
        } catch (error) {
          expect(error).toBeInstanceOf(GilliamError);
          return;
        }
        kept++;
        try {
          await unpacked(await buffer(spool.context([])), (directory) => {
            for (const found of readdirSync(directory, { recursive: true, withFileTypes: true })) {
              const real = realpathOf(join(found.parentPath, found.name));
              expect(real === undefined || real === directory || real.startsWith(`${directory}/`)).toBe(true);
            }
          });
        } finally {
          await spool.dispose();
        }
      }),
      { numRuns: 150 },
    );
    expect(kept).toBeGreaterThan(20);
  }, 60_000);
});

/** Undefined for a link that leads nowhere, or in circles. */
function realpathOf(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}
