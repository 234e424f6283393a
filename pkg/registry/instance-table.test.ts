import { InstanceTable } from './instance-table';

const web = { formation: 'shop', service: 'web', instance: '1' };
const address = '172.17.0.5';

test('what the agent does not know yet of an instance stays as it was', () => {
  const table = new InstanceTable();
  table.set({ [address]: { ...web, imports: { users: 'web.accounts' }, sharedWith: ['blog'] } });
  table.set({ [address]: web });
  expect(table.identify(address)).toEqual({
    ...web,
    imports: { users: 'web.accounts' },
    sharedWith: ['blog'],
  });
  table.set({ [address]: { ...web, imports: {}, sharedWith: [] } });
  expect(table.identify(address)).toEqual({ ...web, imports: {}, sharedWith: [] });
});

test('of another instance at the address nothing of that is taken for its own', () => {
  const table = new InstanceTable();
  table.set({ [address]: { ...web, imports: { users: 'web.accounts' } } });
  const other = { ...web, formation: 'blog' };
  table.set({ [address]: other });
  expect(table.identify(address)).toEqual(other);
});

test('the table is the full one, and each is told to who listens', () => {
  const table = new InstanceTable();
  const sizes: number[] = [];
  const listening = table.onSet(() => sizes.push(table.all.size));
  table.set({ [address]: web });
  table.set({});
  expect(table.identify(address)).toBeUndefined();
  listening.dispose();
  table.set({ [address]: web });
  expect(sizes).toEqual([1, 0]);
});
