import { SystemClock } from '../base/clock';
import { Shortage, type Waiter, WaitingRoom } from './waiting-room';

const line = { service: 'web', formation: 'shop' };

function full(want?: string): Shortage {
  return new Shortage('full', line, 'web.shop.service', 'limit of 1 connection', want);
}

describe('when a place gets free', () => {
  let asked: string[];
  let room: WaitingRoom;
  beforeEach(() => {
    asked = [];
    const options = { queueMs: 60_000, queued: 100, holdMs: 60_000, held: 100 };
    room = new WaitingRoom({ clock: new SystemClock(), options });
  });
  afterEach(() => room.close());

  const wait = (name: string, shortage: Shortage, free: () => boolean) => {
    const waiter: Waiter = {
      again: () => {
        asked.push(name);
        return free() ? undefined : shortage;
      },
      turnedAway: () => {},
    };
    room.wait(shortage, waiter);
  };
  const call = async () => {
    room.call(line);
    await Promise.resolve();
  };

  it('those behind one that finds none for the same are not asked, and all others are', async () => {
    let places = 1;
    const take = () => places-- > 0;
    for (const name of ['a', 'b', 'c', 'd']) wait(name, full('web:80'), take);
    wait('other port', full('web:90'), () => true);
    await call();
    expect(asked).toEqual(['a', 'b', 'other port']);
    expect(room.queued).toBe(3);
  });

  it('one line leaves room for others', () => {
    for (let n = 0; n < 25; n++) wait(`${n}`, full('web:80'), () => false);
    expect(() => wait('one more', full('web:80'), () => false)).toThrow('and 25 requests wait already');
    const other = { service: 'mail', formation: 'shop' };
    wait('other', new Shortage('full', other, 'mail.shop.service'), () => false);
    expect(room.queued).toBe(26);
  });

  it('one that finds none for what it has tried itself keeps nobody waiting', async () => {
    wait('picky', full(), () => false);
    wait('next picky', full(), () => false);
    wait('next', full('web:80'), () => true);
    await call();
    expect(asked).toEqual(['picky', 'next picky', 'next']);
  });
});
