import { RolloutPhase } from '../../gen/gilliam/v1/rollout';
import { type Rollout, rollouts } from '../../resource/objects';
import { ApiHarness } from '../../testing/api-harness';
import {
  apply,
  config,
  type Desired,
  finishRollout,
  linesOf,
  processes,
  rolloutOf,
  route,
  with_,
} from '../../testing/apply-rig';

let api: ApiHarness;
beforeEach(async () => {
  api = await ApiHarness.start();
});
afterEach(() => api.close());

describe('what runs', () => {
  beforeEach(async () => {
    await apply(api, with_({ factors: { web: 2 } }));
  });

  test('is tried again after a rollout that was aborted, with what was new in it', async () => {
    const wish = processes({ mail: { command: ['mail'] } });
    await apply(api, wish);
    await finishRollout(api, RolloutPhase.ABORTED);
    const held = await apply(api, wish);
    expect({ lines: linesOf(held), rollout: held.rollout }).toEqual({ lines: [], rollout: undefined });
    expect(held.held).toMatch(
      /^v2 was taken back at 2\d{3}-.*Z \(CrashLoop\): web.4 of v2 was restarted 3 times$/,
    );
    expect((await apply(api, { ...wish, routes: [route('a', 'a.localhost/')] })).held).toBe(held.held);
    const fixed = { ...wish, release: { ...wish.release, config: { FIXED: '1' } } };
    const other = await apply(api, fixed, { validateOnly: true });
    expect(other).toMatchObject({ held: '' });
    expect(linesOf(other)).toContain('+ rollout v1 to v3');
    const again = await apply(api, wish, { retry: true });
    expect(linesOf(again)).toEqual(['+ rollout v1 to v2']);
    expect(again.rollout?.spec?.factors).toEqual({ web: 2, worker: 1, mail: 1 });
  });

  describe('that was taken back', () => {
    const wish: Desired = { ...config({ A: '2' }), rollout: { surge: 2 }, factors: { web: 3 } };

    beforeEach(async () => {
      await apply(api, wish);
      await finishRollout(api, RolloutPhase.ABORTED);
      expect((await apply(api, wish)).held).toContain('v2 was taken back');
    });

    test.each<readonly [string, Desired]>([
      ['another way to roll out', { rollout: { surge: 1 } }],
      ['other gates', { rollout: { surge: 2, gates: { ignoreRequests: true } } }],
      ['a canary', { rollout: { surge: 2, canary: { size: { $case: 'instances', value: 1 } } } }],
      ['nothing said of the way any more', { rollout: undefined }],
      ['another factor', { factors: { web: 4 } }],
      ['a factor of one more process', { factors: { web: 3, worker: 2 } }],
    ])('is tried again, once, with %s', async (_, changed) => {
      const again = await apply(api, { ...wish, ...changed });
      expect(again).toMatchObject({ held: '', rollout: { spec: { from: ['v1'], to: 'v2' } } });
      await finishRollout(api, RolloutPhase.ABORTED);
      const held = await apply(api, { ...wish, ...changed });
      expect(held).toMatchObject({
        rollout: undefined,
        held: expect.stringContaining('taken back') as string,
      });
    });

    test('is not tried again since somebody else has scaled what runs', async () => {
      await api.client.scales.updateScale({
        scale: { metadata: { formation: 'shop', name: 'v1' }, spec: { factors: { web: 5 } } },
      });
      expect((await apply(api, wish)).held).toContain('v2 was taken back');
    });

    test('is not tried again where another than apply had begun it: what has changed since cannot be told', async () => {
      await api.client.rollouts.createRollout({ parent: 'formations/shop', spec: { to: 'v2' } });
      await finishRollout(api, RolloutPhase.ABORTED);
      expect((await apply(api, wish)).held).toContain('v2 was taken back');
      expect((await apply(api, { ...wish, factors: { web: 9 } })).held).toContain('v2 was taken back');
    });
  });

  test('is not begun again while it is stuck on its way back, unless that is asked for', async () => {
    await apply(api, config({ A: '2' }));
    const rollout = await rolloutOf(api, 'shop');
    if (!rollout) throw new Error('no rollout');
    const verdict = { reason: 'CrashLoop', message: 'web.4 of v2 was restarted 3 times' };
    const status = { ...rollout.status, ...verdict, phase: RolloutPhase.ABORTING, forced: true };
    const stuck: Rollout = { ...rollout, status };
    await api.store.commit([{ op: 'update', kind: rollouts, object: stuck }]);
    const held = await apply(api, config({ A: '2' }));
    expect(held.rollout).toBeUndefined();
    expect(held.held).toMatch(
      /^v2 is being taken back since 2\d{3}-.*Z \(CrashLoop\): web.4 of v2 was restarted/,
    );
    const mended = await apply(api, config({ A: '3' }), { validateOnly: true });
    expect(linesOf(mended)).toContain('+ rollout v1 to v3');
    const again = await apply(api, config({ A: '2' }), { retry: true });
    expect(again.rollout?.spec).toMatchObject({ from: ['v1'], to: 'v2' });
  });
});
