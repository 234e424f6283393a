import { InvalidError } from '../../base/errors';
import { ApiHarness } from '../../testing/api-harness';
import { apply, type Desired, nightly, processes, route, shop } from '../../testing/apply-rig';

let api: ApiHarness;
beforeEach(async () => {
  api = await ApiHarness.start();
});
afterEach(() => api.close());

test.each<[string, Desired, string]>([
  ['nothing', undefined as unknown as Desired, 'desired is missing'],
  [
    'a cron line that never fires',
    { ...shop, cronJobs: [{ ...nightly, spec: { ...nightly.spec, schedule: '0 0 31 2 *' } }] },
    'never fires',
  ],
  [
    'a cron job of no process',
    { ...shop, cronJobs: [{ ...nightly, spec: { ...nightly.spec, process: 'wbe' } }] },
    'did you mean "web"?',
  ],
  ['a route without a name', { ...shop, routes: [route('', 'a.localhost/')] }, 'route name is missing'],
  [
    'a route twice',
    { ...shop, routes: [route('a', 'a.localhost/'), route('a', 'b.localhost/')] },
    'route "a" is there twice',
  ],
  ['a route that is none', { ...shop, routes: [route('a', 'a..localhost/')] }, 'route a: '],
  [
    'needs in a circle',
    processes({ a: { needs: ['b'] }, b: { needs: ['a'] } }),
    'needs go round in a circle: a → b → a',
  ],
  ['a requirement that does not compile', processes({ a: { requirements: ['tags.ssd =='] } }), 'column'],
  [
    'scaling with min above max',
    { ...shop, formation: { scaling: { web: { min: 3, max: 2 } } } },
    'min must not be above max',
  ],
  ['scaling of nothing', { ...shop, formation: { scaling: { wbe: { max: 2 } } } }, 'did you mean "web"?'],
])('%s is refused before anything is written', async (_, wish, message) => {
  const before = api.memory.server.revision;
  await expect(apply(api, wish)).rejects.toThrow(message);
  await expect(apply(api, wish, { validateOnly: true })).rejects.toThrow(InvalidError);
  expect(api.memory.server.revision).toBe(before);
});

test('all that is wrong is said at once', async () => {
  const wish = {
    ...processes({ run: {} }),
    factors: { wbe: 1 },
    cronJobs: [{ ...nightly, spec: { schedule: 'x', command: ['a'] } }],
  };
  const error = await apply(api, wish).catch((thrown: unknown) => thrown as InvalidError);
  expect((error as InvalidError).violations.map(({ field }) => field)).toEqual([
    'desired.release.processes.run',
    'desired.factors.wbe',
    'desired.cron_jobs[0].spec.schedule',
  ]);
});
