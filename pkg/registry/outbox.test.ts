import type { Delta } from './item';
import type { Push } from './outbox';
import { Outbox } from './outbox';
import { blocksOf } from './pass-on';

function delta(after: string, newest: string, whole = false): Delta {
  const item = { path: `shop/web.${newest}`, version: newest, state: 'agent', body: {} } as const;
  return { origin: 'e1', after, newest, floor: '', whole, items: [item] };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('what waits for a peer', () => {
  let sent: (readonly Push[])[];
  let answers: (() => void)[];
  let outbox: Outbox;
  beforeEach(() => {
    sent = [];
    answers = [];
    outbox = new Outbox((_peer, pushes) => {
      sent.push(pushes);
      return new Promise((resolve) => answers.push(resolve));
    });
  });

  test('goes at once, and what comes meanwhile goes joined with the next message', async () => {
    outbox.add('e2', { delta: delta('0', '1'), passTo: ['e3'] });
    await settle();
    expect(sent).toHaveLength(1);
    outbox.add('e2', { delta: delta('1', '2'), passTo: ['e3'] });
    outbox.add('e2', { delta: delta('2', '3'), passTo: ['e4'] });
    await settle();
    expect(sent).toHaveLength(1);
    answers[0]?.();
    await settle();
    expect(sent[1]).toMatchObject([{ delta: { after: '1', newest: '3' }, passTo: ['e3', 'e4'] }]);
    expect(sent[1]?.[0]?.delta.items.map(({ version }) => version)).toEqual(['2', '3']);
  });

  test('is not joined over a gap', async () => {
    outbox.add('e2', { delta: delta('0', '1'), passTo: [] });
    outbox.add('e2', { delta: delta('2', '3'), passTo: [] });
    await settle();
    expect(sent[0]).toHaveLength(2);
  });

  test('a whole state takes the place of what was before', async () => {
    outbox.add('e2', { delta: delta('0', '1'), passTo: [] });
    outbox.add('e2', { delta: delta('', '3', true), passTo: [] });
    await settle();
    expect(sent[0]?.map(({ delta: { newest } }) => newest)).toEqual(['3']);
  });
});

test.each([
  [0, 3, []],
  [2, 3, [1, 1]],
  [7, 3, [3, 2, 2]],
  [99, 8, [13, 13, 13, 12, 12, 12, 12, 12]],
])('%i peers in %i blocks', (count, blocks, lengths) => {
  const list = Array.from({ length: count }, (_, index) => index);
  const cut = blocksOf(list, blocks);
  expect(cut.map((block) => block.length)).toEqual(lengths);
  expect(cut.flat()).toEqual(list);
});
