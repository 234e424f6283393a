import fc from 'fast-check';
import { InvalidError } from '../base/errors';
import { parseSchedule, readSchedule } from './schedule';

const due = (schedule: string, zone: string, after: string, count: number): string[] => {
  const times: string[] = [];
  for (let at: Date | undefined = new Date(after); times.length < count;) {
    at = parseSchedule(schedule, zone).next(at);
    if (!at) break;
    times.push(at.toISOString().slice(0, 16));
  }
  return times;
};

describe('parseSchedule', () => {
  it.each([
    ['*/20 * * * *', ['2026-03-01T10:20', '2026-03-01T10:40', '2026-03-01T11:00']],
    ['@hourly', ['2026-03-01T11:00', '2026-03-01T12:00']],
    ['@daily', ['2026-03-02T00:00', '2026-03-03T00:00']],
    ['@weekly', ['2026-03-08T00:00', '2026-03-15T00:00']],
    ['@monthly', ['2026-04-01T00:00', '2026-05-01T00:00']],
    ['@yearly', ['2027-01-01T00:00']],
    ['0 9 * * mon-fri', ['2026-03-02T09:00', '2026-03-03T09:00']],
    ['0 9 * * fri-sun', ['2026-03-06T09:00', '2026-03-07T09:00', '2026-03-08T09:00', '2026-03-13T09:00']],
    ['0 9 * JUN,dec 7', ['2026-06-07T09:00']],
    ['5-59/15 10 * * *', ['2026-03-01T10:05', '2026-03-01T10:20']],
    ['0 0 29 2 *', ['2028-02-29T00:00', '2032-02-29T00:00']],
    // Either kind of day is enough.
    ['0 0 13 * 5', ['2026-03-06T00:00', '2026-03-13T00:00', '2026-03-20T00:00']],
  ])('%s is due when it says', (schedule, expected) => {
    expect(due(schedule, '', '2026-03-01T10:00:30Z', expected.length)).toEqual(expected);
  });

  it('is due strictly after, to the second', () => {
    expect(due('30 2 * * *', '', '2026-03-01T02:29:59.999Z', 1)).toEqual(['2026-03-01T02:30']);
    expect(due('30 2 * * *', '', '2026-03-01T02:30:00Z', 1)).toEqual(['2026-03-02T02:30']);
  });

  it('follows the clock of its zone', () => {
    expect(due('30 2 * * *', 'Asia/Kolkata', '2026-03-01T00:00:00Z', 1)).toEqual(['2026-03-01T21:00']);
  });

  it('a run at 02:30 on the night without it comes as soon as the clock has been put forward, once', () => {
    expect(due('30 2 * * *', 'Europe/Stockholm', '2026-03-28T00:00:00Z', 3)).toEqual([
      '2026-03-28T01:30',
      '2026-03-29T01:00',
      '2026-03-30T00:30',
    ]);
  });

  it('a run at 02:30 on the night that has it twice comes once', () => {
    expect(due('30 2 * * *', 'Europe/Stockholm', '2026-10-24T00:00:00Z', 3)).toEqual([
      '2026-10-24T00:30',
      '2026-10-25T00:30',
      '2026-10-26T01:30',
    ]);
    expect(due('30 1 * * *', 'America/New_York', '2026-11-01T00:00:00Z', 2)).toEqual([
      '2026-11-01T05:30',
      '2026-11-02T06:30',
    ]);
  });

  it('steps go by the time that passes, whatever the clock does', () => {
    const expected = ['00:30', '01:00', '01:30', '02:00', '02:30'];
    for (const day of ['2026-03-29', '2026-10-25'])
      expect(due('*/30 * * * *', 'Europe/Stockholm', `${day}T00:10:00Z`, 5)).toEqual(
        expected.map((time) => `${day}T${time}`),
      );
  });

  it.each([
    ['', 'has 0 fields'],
    ['* * * *', 'has 4 fields: give five'],
    ['0 * * * * *', 'has 6 fields: give five'],
    ['60 * * * *', 'has the minute "60": it is from 0 to 59'],
    ['* 24 * * *', 'has the hour "24": it is from 0 to 23'],
    ['* * 0 * *', 'has the day of month "0": it is from 1 to 31'],
    ['* * * 13 *', 'has the month "13": it is from 1 to 12 or jan to dec'],
    ['* * * foo *', 'has the month "foo"'],
    ['* * * * 8', 'has the day of week "8": it is from 0 to 7 or sun to sat'],
    ['*/0 * * * *', 'a step is from 1 to 60'],
    ['*/61 * * * *', 'a step is from 1 to 60'],
    ['5/15 * * * *', 'a step needs a range, such as 5-59/15'],
    ['/5 * * * *', 'give a number, *, a range such as 0-59'],
    ['5-1 * * * *', 'the range ends before it begins'],
    ['0,,5 * * * *', 'has an empty minute: take out the comma'],
    ['1.5 * * * *', 'has the minute "1.5"'],
    ['* * L * *', 'has the day of month "L"'],
    ['* * ? * *', 'has the day of month "?"'],
    ['* * * * 5#2', 'has the day of week "5#2"'],
    ['+1 * * * *', 'has the minute "+1"'],
    ['0 0 30 2 *', 'never fires: no month that it names has such a day'],
    ['0 0 31 4,6,9,11 *', 'never fires'],
    ['0 0 30-31 2 *', 'never fires'],
    ['@dayly', 'is not known: did you mean @daily?'],
    ['@reboot', 'is not known'],
    ['2026-01-01T00:00:00Z', 'has 1 field'],
    ['* '.repeat(200), 'is longer than 256 characters'],
  ])('refuses %j in one line', (schedule, why) => {
    const fault = readSchedule(schedule);
    if ('next' in fault) throw new Error('was taken');
    expect(fault.field).toBe('schedule');
    expect(fault.description).toContain(why);
    expect(fault.description).not.toContain('\n');
    expect(() => parseSchedule(schedule)).toThrow(InvalidError);
  });

  it('refuses a time zone that is none, and names the nearest', () => {
    expect(readSchedule('@daily', 'Europe/Stokholm')).toEqual({
      field: 'time_zone',
      description:
        'time zone "Europe/Stokholm" is not known: give one of the IANA\'s, such as Europe/Stockholm',
    });
  });

  it('takes or refuses whatever it is given, and is due in the future when it takes it', () => {
    const field = fc.oneof(
      fc.constant('*'),
      fc.nat(62).map(String),
      fc.tuple(fc.nat(31), fc.nat(31)).map(([from, to]) => `${from}-${to}`),
      fc.nat(12).map((step) => `*/${step}`),
      fc.string({ maxLength: 6 }),
    );
    const after = new Date('2026-03-01T10:00:00Z');
    fc.assert(
      fc.property(fc.array(field, { minLength: 5, maxLength: 5 }), (fields) => {
        const read = readSchedule(fields.join(' '), 'Europe/Stockholm');
        if (!('next' in read)) return;
        const next = read.next(after);
        expect(next?.getTime()).toBeGreaterThan(after.getTime());
        expect(next?.getUTCSeconds()).toBe(0);
      }),
      { numRuns: 300 },
    );
  });
});
