import fc from 'fast-check';
import { hashOf, parseBatch, parseTree, treeOf } from './git-entries';

const id = 'a'.repeat(40);

test('a tree is taken apart, whatever its paths are called', () => {
  const lines = [`100644 blob ${id}\ta b\n\tc`, `120000 blob ${id}\tlink`, `160000 commit ${id}\tlib`];
  expect(parseTree(lines.map((line) => `${line}\0`).join(''))).toEqual([
    { mode: '100644', id, path: 'a b\n\tc' },
    { mode: '120000', id, path: 'link' },
    { mode: '160000', id, path: 'lib' },
  ]);
});

test('contents are taken apart by their length', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.string({ unit: 'binary' }), { maxLength: 5 }), (texts) => {
      const ids = texts.map((_, index) => String(index).padStart(40, '0'));
      const output = Buffer.concat(
        texts.flatMap((text, index) => {
          const bytes = Buffer.from(text);
          return [Buffer.from(`${ids[index]} blob ${bytes.length}\n`), bytes, Buffer.from('\n')];
        }),
      );
      const expected = texts.map((text, index) => [ids[index], Buffer.from(text).toString('utf8')]);
      expect([...parseBatch(output)]).toEqual(expected);
    }),
  );
});

test('the hash is of what is built, and of nothing else', () => {
  const file = (path: string, of = id) => ({ mode: '100644', id: of, path });
  const hash = hashOf([file('web.js')]);
  expect(hashOf([file('gilliam.yml'), file('.gilliam.app'), file('web.js')])).toBe(hash);
  expect(hashOf([file('web.js', 'b'.repeat(40))])).not.toBe(hash);
  expect(hashOf([{ ...file('web.js'), mode: '100755' }])).not.toBe(hash);
  expect(hashOf([file('lib/gilliam.yml'), file('web.js')])).not.toBe(hash);
});

test('directories are there though a commit only implies them', () => {
  const { entries, texts } = treeOf(
    [
      { mode: '100644', id, path: 'Procfile' },
      { mode: '100644', id: 'b', path: 'a/b/c.js' },
    ],
    new Map([[id, 'web: serve\n']]),
  );
  expect([...entries].sort()).toEqual([
    ['Procfile', 'file'],
    ['a', 'directory'],
    ['a/b', 'directory'],
    ['a/b/c.js', 'file'],
  ]);
  expect(texts.get('Procfile')).toBe('web: serve\n');
});
