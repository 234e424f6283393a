import { SystemClock } from '../../base/clock';
import { CompactedError } from '../../base/errors';
import { MemoryServer } from './memory-server';
import { Mvcc } from './mvcc';

const bytes = Buffer.from('x');

describe('Mvcc', () => {
  test('compaction keeps what is seen at its revision, and forgets what was deleted', () => {
    const mvcc = new Mvcc();
    mvcc.apply([{ path: 'a', bytes }]);
    mvcc.apply([{ path: 'b', bytes }]);
    const deleted = mvcc.apply([{ path: 'a' }]);
    mvcc.apply([{ path: 'b', bytes }]);
    mvcc.compact(deleted);
    expect([...mvcc.range('', '~', deleted)].map(([path]) => path)).toEqual(['b']);
    expect(() => [...mvcc.range('', '~', deleted - 1n)]).toThrow(CompactedError);
    expect(mvcc.since(deleted, 10).map(({ revision }) => revision)).toEqual([deleted + 1n]);
    expect(mvcc.kept).toBe(1);
  });

  test('a path that comes again was created anew', () => {
    const mvcc = new Mvcc();
    const first = mvcc.apply([{ path: 'a', bytes }]);
    expect(mvcc.get('a')).toMatchObject({ created: first });
    mvcc.apply([{ path: 'a', bytes }]);
    expect(mvcc.get('a')).toMatchObject({ created: first });
    mvcc.apply([{ path: 'a' }]);
    const again = mvcc.apply([{ path: 'a', bytes }]);
    expect(mvcc.get('a')).toMatchObject({ created: again });
  });

  test('a server forgets its oldest history by itself', () => {
    const server = new MemoryServer(new SystemClock());
    const effect = { path: 'a', bytes, before: 0n, name: 'a' };
    for (let count = 0; count < 100_001; count++) server.commit({ conditions: [], effects: [effect] });
    expect(() => server.since(1n, 1)).toThrow(CompactedError);
    expect(server.since(server.revision - 50_000n, 1)).toHaveLength(1);
  });
});
