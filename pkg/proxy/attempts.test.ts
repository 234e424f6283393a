import { Socket } from 'node:net';
import { SeededRandom } from '../base/random';
import { outsideRules } from '../routing/outside';
import { FakeRegistry } from '../testing/fake-registry';
import { VirtualClock } from '../testing/virtual-clock';
import { Attempts, type Sought } from './attempts';
import type { Connection } from './connection';
import { Destinations } from './destinations';
import { DialError } from './dialer';
import { defaultProxyOptions } from './options';
import { Refusal } from './refusal';
import type { RequestTarget } from './target';
import { WaitingRoom } from './waiting-room';

const target: RequestTarget = {
  host: 'web.shop.service',
  port: 80,
  authority: 'web.shop.service',
  path: '/',
};

/** A service whose instances are not there: a test says what comes of connecting to one. */
class Rig {
  readonly clock = new VirtualClock();
  readonly registry = new FakeRegistry();
  readonly dialed: Socket[] = [];
  readonly options = { ...defaultProxyOptions, tries: 2 };
  /** What was told to whoever seeks. */
  readonly told: string[] = [];
  readonly room = new WaitingRoom({ clock: this.clock, options: this.options });
  connect: () => Promise<Socket> = () => Promise.resolve(new Socket());
  readonly destinations = new Destinations({
    registry: this.registry,
    identities: this.registry,
    isMachine: () => false,
    executor: 'one',
    rules: outsideRules(['*']),
    clock: this.clock,
    random: new SeededRandom(1),
    dialer: {
      connect: async () => {
        const opening = this.connect();
        this.dialed.push(new Socket());
        return opening;
      },
    },
    options: this.options,
    onPlace: (line) => this.room.call(line),
  });

  static async of(instances: number): Promise<Rig> {
    const rig = new Rig();
    for (let n = 1; n <= instances; n++)
      await rig.registry.put(`shop/web.${n}`, { host: '10.0.0.1', port: n });
    rig.registry.follow({ name: 'proxy', apply: (changes) => rig.destinations.apply(changes) });
    return rig;
  }

  /** Begins to seek, and lets all happen that needs no time. */
  async seek(sought: Sought = 'repeatable'): Promise<Attempts> {
    const seeker = {
      connecting: () => {},
      queued: () => void this.told.push('queued'),
      connected: ({ uses }: Connection) => void this.told.push(uses > 0 ? 'connected again' : 'connected'),
      refused: ({ status, message }: Refusal) => void this.told.push(`${status} ${message}`),
    };
    const attempts = new Attempts(this, seeker, target, '10.0.0.9', sought);
    attempts.start();
    await this.clock.advance(0);
    return attempts;
  }

  get upstreams() {
    return [...this.destinations.all()].map((upstream) => ({
      outstanding: upstream.outstanding,
      ejected: upstream.ejected(this.clock.monotonic()),
    }));
  }
}

const failing = (kind: DialError['kind']) => () => Promise.reject(new DialError(kind, `it is ${kind}`));

describe('places that take no connection', () => {
  it('are all asked where each refuses, which costs nothing, and left out for a while', async () => {
    const rig = await Rig.of(5);
    rig.connect = failing('absent');
    await rig.seek();
    expect(rig.dialed).toHaveLength(5);
    expect(rig.told).toEqual(['502 web.shop.service: it is absent']);
    expect(rig.upstreams).toEqual(Array.from({ length: 5 }, () => ({ outstanding: 0, ejected: true })));
  });

  it.each<[DialError['kind'], number]>([
    ['late', 504],
    ['unreachable', 502],
  ])('are not all asked where they are %s, which takes its time', async (kind, status) => {
    const rig = await Rig.of(5);
    rig.connect = failing(kind);
    await rig.seek();
    expect(rig.dialed).toHaveLength(2);
    expect(rig.told).toEqual([`${status} web.shop.service: it is ${kind}`]);
  });

  it('are not asked twice', async () => {
    const rig = await Rig.of(1);
    rig.connect = failing('late');
    await rig.seek();
    expect(rig.dialed).toHaveLength(1);
    expect(rig.told).toEqual(['504 web.shop.service: it is late']);
  });
});

it('invariant 7: a place that is withdrawn while it is connected to gets nothing', async () => {
  const rig = await Rig.of(1);
  const withdrawn = new Socket();
  let open = (_: Socket) => {};
  rig.connect = () => new Promise((resolve) => (open = resolve));
  await rig.seek();
  void rig.registry.remove('shop/web.1');
  await rig.registry.put('shop/web.2', { host: '10.0.0.1', port: 2 });
  rig.connect = () => Promise.resolve(new Socket());
  open(withdrawn);
  await rig.clock.advance(0);
  expect([withdrawn.destroyed, rig.dialed.length, rig.told]).toEqual([true, 2, ['connected']]);
});

describe('whoever goes', () => {
  it('while it is connected leaves the connection to the next', async () => {
    const rig = await Rig.of(1);
    let open = (_: Socket) => {};
    rig.connect = () => new Promise((resolve) => (open = resolve));
    const attempts = await rig.seek();
    attempts.end(false);
    expect(rig.upstreams).toEqual([{ outstanding: 0, ejected: false }]);
    open(new Socket());
    await rig.clock.advance(0);
    await rig.seek();
    expect([rig.dialed.length, rig.told]).toEqual([1, ['connected again']]);
  });

  it('while it is connected hears no more of it, failures neither', async () => {
    const rig = await Rig.of(1);
    let fail = (_: Error) => {};
    rig.connect = () => new Promise((_, reject) => (fail = reject));
    const attempts = await rig.seek();
    attempts.end(false);
    fail(new DialError('absent', 'it is gone'));
    await rig.clock.advance(0);
    expect(rig.told).toEqual([]);
    expect(rig.upstreams).toEqual([{ outstanding: 0, ejected: true }]);
  });

  it('while it waits leaves its place in the line', async () => {
    const rig = await Rig.of(1);
    (rig.options as { connectionsPerEndpoint: number }).connectionsPerEndpoint = 1;
    await rig.seek();
    const second = await rig.seek();
    expect([rig.told, rig.room.queued]).toEqual([['connected', 'queued'], 1]);
    second.end(false);
    expect([rig.room.queued, rig.clock.pending]).toEqual([0, 0]);
  });
});

describe('a connection that was used before', () => {
  const used = async () => {
    const rig = await Rig.of(1);
    const first = await rig.seek();
    first.end(true);
    rig.told.length = 0;
    return rig;
  };

  it.each<[Sought, number, string]>([
    ['repeatable', 3_900, 'connected again'],
    ['once', 900, 'connected again'],
    // It may be closed at any moment, and what is sent over it lost.
    ['once', 1_100, 'connected'],
    ['tunnel', 0, 'connected'],
  ])('is taken for what is %s after %d ms: %s', async (sought, idleMs, told) => {
    const rig = await used();
    await rig.clock.advance(idleMs);
    await rig.seek(sought);
    expect(rig.told).toEqual([told]);
  });

  it('and breaks unheard is no fault of the place: a new one is made there', async () => {
    const rig = await used();
    const attempts = await rig.seek();
    attempts.broken(false, new Refusal(502, 'it broke'));
    await rig.clock.advance(0);
    expect(rig.told).toEqual(['connected again', 'connected']);
    expect(rig.upstreams).toEqual([{ outstanding: 1, ejected: false }]);
  });

  it('and breaks is not replaced for what may be sent once only, nor where something was heard', async () => {
    for (const [sought, heard] of [['once', false] as const, ['repeatable', true] as const]) {
      const rig = await used();
      const attempts = await rig.seek(sought);
      attempts.broken(heard, new Refusal(502, 'it broke'));
      await rig.clock.advance(0);
      expect(rig.told).toEqual(['connected again', '502 it broke']);
      expect(rig.upstreams).toEqual([{ outstanding: 0, ejected: false }]);
    }
  });
});
