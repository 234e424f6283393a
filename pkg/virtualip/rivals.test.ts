import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PreconditionError } from '../base/errors';
import { parseRange } from './address-range';
import { findRivals } from './rivals';

const range = parseRange('198.18.16.0/20');
const map = { type: 'array', name: 'settings', bytes_key: 4, bytes_value: 16, max_entries: 1 };

/** A map's element as bpftool says it. */
function dumped(text: string, until = 0) {
  const { first, last } = parseRange(text);
  const value = Buffer.alloc(16);
  [until, first, last, 2].forEach((number, index) => value.writeUInt32LE(number, 4 * index));
  return [
    { key: ['0x00', '0x00', '0x00', '0x00'], value: [...value].map((byte) => `0x${byte.toString(16)}`) },
  ];
}

describe('networks of one kernel that have addresses of one range', () => {
  let directory: string;
  let kernel: Record<string, unknown>;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'gilliam-'));
    kernel = { 'cgroup show /cg effective': [], 'cgroup tree /cg': [], 'prog show': [] };
  });
  afterEach(() => rm(directory, { recursive: true }));

  const pinned = async (name: string, id: number) => {
    await mkdir(join(directory, name));
    kernel[`map show pinned ${join(directory, name, 'maps/settings')}`] = { ...map, id };
  };
  const find = async () => {
    const asked: string[] = [];
    const bpftool = {
      batch: () => Promise.reject(new Error('it only looks')),
      ask: async (...command: string[]) => {
        asked.push(command.join(' '));
        const answer = kernel[command.join(' ')];
        if (answer instanceof Error) throw answer;
        if (answer !== undefined) return answer;
        throw new PreconditionError('bpftool has refused: it is not there: No such file or directory');
      },
    };
    const found = await findRivals({ bpftool, pins: join(directory, 'gilliam_mine'), cgroup: '/cg', range });
    return { found: found.map(({ name, id, settings: { until } }) => ({ name, id, until })), asked };
  };

  it('are none where one is alone, or others have other addresses: nothing else is looked for then', async () => {
    await pinned('gilliam_mine', 1);
    await pinned('gilliam_other', 2);
    kernel['map show'] = [
      ...[1, 2, 3].map((id) => ({ ...map, id })),
      ...[{ type: 'hash' }, { name: 'stats' }, { bytes_value: 8 }].map((other, n) => ({
        ...map,
        ...other,
        id: 7 + n,
      })),
    ];
    kernel['map dump id 1'] = dumped('198.18.16.0/20', 9);
    kernel['map dump id 2'] = dumped('198.18.32.0/20', 9);
    kernel['map dump id 3'] = dumped('198.18.0.0/20', 9);
    const { found, asked } = await find();
    expect(found).toEqual([]);
    expect(asked).not.toContain('prog show');
  });

  it('are found by their pins, also when they may not translate', async () => {
    await pinned('gilliam_mine', 1);
    await pinned('gilliam_other', 2);
    kernel['map show'] = [1, 2].map((id) => ({ ...map, id }));
    kernel['map dump id 2'] = dumped('198.18.31.240/28');
    expect((await find()).found).toEqual([{ name: 'gilliam_other', id: 2, until: 0 }]);
  });

  it('are found by their programs where these run for the same processes, wherever they are pinned', async () => {
    await pinned('gilliam_mine', 1);
    kernel['map show'] = [1, 2, 3, 4].map((id) => ({ ...map, id }));
    for (const id of [2, 3, 4]) kernel[`map dump id ${id}`] = dumped('198.18.0.0/16', id);
    kernel['prog show'] = [
      { id: 12, map_ids: [77, 2] },
      { id: 13, map_ids: [3] },
      { id: 14, map_ids: [4] },
      { id: 15 },
    ];
    kernel['cgroup show /cg effective'] = [{ id: 12 }, { id: 15 }];
    kernel['cgroup tree /cg'] = [{ cgroup: '/cg/a', programs: [{ id: 13 }] }];
    expect((await find()).found).toEqual([2, 3].map((id) => ({ name: undefined, id, until: id })));
  });

  it('may go while they are looked for; of what is refused for another reason nothing is believed', async () => {
    await pinned('gilliam_mine', 1);
    await mkdir(join(directory, 'gilliam_gone'));
    kernel['map show'] = [1, 2].map((id) => ({ ...map, id }));
    expect((await find()).found).toEqual([]);
    kernel['map dump id 2'] = new PreconditionError('bpftool has refused: Operation not permitted');
    await expect(find()).rejects.toThrow('not permitted');
  });
});
