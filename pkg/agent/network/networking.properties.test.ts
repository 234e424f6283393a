import fc from 'fast-check';
import { AgentRig } from '../../testing/agent-rig';
import type { FakeNetwork } from '../../testing/fake-network';
import { fakeTask } from '../../testing/task';

const check = { $case: 'tcp' as const, value: { port: 0 } };
/** Odd ones have a health check. */
const ordinals = [1, 2, 3, 4];

type Happening =
  | { readonly kind: 'assign' | 'stop' | 'exit' | 'vanish' | 'sick' | 'well'; readonly ordinal: number }
  | { readonly kind: 'cut' | 'kill' | 'plane down' | 'plane up' }
  | { readonly kind: 'daemon down' | 'daemon hangs' | 'daemon up' | 'daemon restarts' };

const happening = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('assign' as const), ordinal: fc.constantFrom(...ordinals) }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'stop' as const,
        'exit' as const,
        'vanish' as const,
        'sick' as const,
        'well' as const,
      ),
      ordinal: fc.constantFrom(...ordinals),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('cut' as const, 'kill' as const, 'plane down' as const, 'plane up' as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'daemon down' as const,
        'daemon hangs' as const,
        'daemon up' as const,
        'daemon restarts' as const,
      ),
    }),
  },
);

/** An executor to which things happen. */
class Story {
  readonly rig = new AgentRig({ latencyMs: { create: 20, start: 30, stop: 5 } }, {}, { network: true });
  readonly network = this.rig.network as FakeNetwork;
  /** Those that were told to end while somebody still sent them requests. */
  readonly cutOff = new Set<string>();
  readonly #assigned = new Set<number>();

  /** Those of which it is said that they may have been cut off. */
  get said(): ReadonlySet<string> {
    const { events } = this.rig.plane;
    return new Set(events.filter(({ reason }) => reason === 'DrainIncomplete').map(({ uid }) => uid));
  }

  constructor() {
    this.network.followers.set('e1/proxy', 40).set('e2/router', 900);
    const { driver } = this.rig;
    const stop = driver.stop.bind(driver);
    driver.stop = async (id, ...rest) => {
      const found = driver.containers.find((container) => container.id === id);
      const uid = found?.labels['gilliam.instance'] ?? '';
      const name = `shop/web.${uid.slice(1)}`;
      const sending = [...this.network.sending].some((one) => one.startsWith(`${name} `));
      if (found?.state === 'running' && (sending || this.network.entries.has(name))) this.cutOff.add(uid);
      return stop(id, ...rest);
    };
  }

  async tell(happenings: readonly (readonly [Happening, number])[]): Promise<void> {
    await this.rig.begin();
    for (const [one, ms] of happenings) {
      await this.#happen(one);
      await this.rig.clock.advance(ms);
    }
    this.network.set('up');
    this.rig.plane.setUp(true);
    for (const { id } of this.rig.driver.containers) this.rig.driver.health.set(id, true);
    await this.rig.clock.advance(200_000);
  }

  async #happen(one: Happening): Promise<void> {
    const { rig, network } = this;
    const container = 'ordinal' in one ? rig.container(`u${one.ordinal}`) : undefined;
    switch (one.kind) {
      case 'assign':
        if (this.#assigned.has(one.ordinal)) return;
        this.#assigned.add(one.ordinal);
        return rig.plane.assign(
          fakeTask(one.ordinal, one.ordinal % 2 ? { process: { health: { check } } } : {}),
        );
      case 'stop':
        return rig.plane.stop(`u${one.ordinal}`);
      case 'exit':
        return container?.state === 'running' ? rig.driver.exit(container.id) : undefined;
      case 'vanish':
        return container && rig.driver.vanish(container.id);
      case 'sick':
      case 'well':
        return void (container && rig.driver.health.set(container.id, one.kind === 'well'));
      case 'cut':
        return rig.plane.cut();
      case 'kill':
        // What has not been reported yet goes with it.
        for (const uid of this.cutOff) if (!this.said.has(uid)) this.cutOff.delete(uid);
        return rig.restart();
      case 'plane down':
      case 'plane up':
        return rig.plane.setUp(one.kind === 'plane up');
      case 'daemon down':
        return network.set('down');
      case 'daemon hangs':
        return network.set('hanging');
      case 'daemon up':
        return network.set('up');
      case 'daemon restarts':
        return network.restart();
    }
  }
}

test('invariant 7: whatever happens, nothing is cut off unsaid, and in the end what is ready is what is announced', async () => {
  const stories = fc.array(fc.tuple(happening, fc.nat({ max: 6000 })), { minLength: 4, maxLength: 25 });
  await fc.assert(
    fc.asyncProperty(stories, async (happenings) => {
      const story = new Story();
      const { rig, network, cutOff } = story;
      await story.tell(happenings);
      const ready = ordinals.filter((ordinal) => rig.plane.status(`u${ordinal}`)?.ready);
      expect(rig.driver.running).toHaveLength(ready.length);
      expect([...network.entries.keys()].sort()).toEqual(ready.map((ordinal) => `shop/web.${ordinal}`));
      for (const ordinal of ready) {
        const { address = '', link } = rig.container(`u${ordinal}`) ?? {};
        expect(network.entries.get(`shop/web.${ordinal}`)?.address).toBe(address);
        expect(network.instances?.[address]).toEqual({
          formation: 'shop',
          service: 'web',
          instance: String(ordinal),
          link,
          imports: {},
        });
      }
      expect(Object.keys(network.instances ?? {})).toHaveLength(ready.length);
      for (const uid of cutOff) expect(story.said).toContain(uid);
      await rig.end();
    }),
    { numRuns: 100 },
  );
}, 120_000);
