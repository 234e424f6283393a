import { instanceOf, processOf, volumeOf } from '../../testing/scheduling-objects';
import { volumeWrites } from './volumes';

it('refuses an executor that does not have what the instance keeps', () => {
  const placed = instanceOf({ process: '_db', executor: 'e1' });
  const process = processOf({ volumes: [{ name: 'data', path: '/data' }] });
  const facts = (executor: string) => ({
    find: () => volumeOf({ service: '_db', volume: 'data', executor }),
    uuid: () => 'uid',
    now: new Date(0),
  });
  expect(() => volumeWrites(placed, process, facts('e2'))).toThrow('volume _db-1-data is on e2, not on e1');
  expect(volumeWrites(placed, process, facts('e1'))).toMatchObject([{ op: 'update' }]);
});
