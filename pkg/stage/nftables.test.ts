import type { RunCommand } from './command';
import { Nftables } from './nftables';

const table = 'gilliam_shop_prod_1f2e3d4c';
const tables = `table ip nat\ntable ip ${table}\ntable ip gilliam_other\n`;

/** Answers as nft does, and notes what it is asked. */
function fakeNft(answers: Readonly<Record<string, string>>) {
  const asked: string[] = [];
  const run: RunCommand = (_, args) => {
    const words = args.join(' ');
    asked.push(words);
    const stdout = answers[words];
    return Promise.resolve({ code: stdout === undefined ? 1 : 0, stdout: stdout ?? '', stderr: '' });
  };
  return { nftables: new Nftables(run, process.env), asked };
}

test('a stage’s table is removed, and nobody else’s', async () => {
  const { nftables, asked } = fakeNft({ 'list tables': tables });
  expect(await nftables.familiesOf(table)).toEqual(['ip']);
  await nftables.remove(table);
  expect(asked.filter((words) => words.startsWith('delete'))).toEqual([`delete table ip ${table}`]);
});

test('ranges of all stages’ tables are known, and other tables not read', async () => {
  const { nftables, asked } = fakeNft({
    'list tables': tables,
    [`list table ip ${table}`]: 'ip daddr 198.18.16.1 accept',
    'list table ip gilliam_other': 'ip daddr 198.19.0.7 accept',
  });
  expect(await nftables.virtualRanges()).toEqual(['198.18.16.0/20', '198.19.0.0/20']);
  expect(asked).not.toContain('list table ip nat');
});

test('who may not use nft has no tables', async () => {
  const { nftables } = fakeNft({});
  expect(await nftables.familiesOf(table)).toEqual([]);
  expect(await nftables.virtualRanges()).toEqual([]);
  await nftables.remove(table);
});
