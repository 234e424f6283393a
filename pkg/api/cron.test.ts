import { ExistsError, InvalidError, NotFoundError, PreconditionError } from '../base/errors';
import type { CronJobSpec, DeepPartial } from '../gen/gilliam/v1/cron_job';
import { cronJobs, instances } from '../resource/objects';
import { ApiHarness } from '../testing/api-harness';

let api: ApiHarness;
beforeEach(async () => {
  api = await ApiHarness.start();
  await api.shop();
});
afterEach(() => api.close());

type Spec = DeepPartial<CronJobSpec>;
const name = 'formations/shop/cronJobs/nightly';
const nightly: Spec = { schedule: '30 2 * * *', timeZone: 'Europe/Stockholm', command: ['rake', 'report'] };

const create = async (spec: Spec = nightly, over: { name?: string; validateOnly?: boolean } = {}) =>
  (
    await api.client.cron.createCronJob({
      parent: 'formations/shop',
      cronJob: { metadata: { name: over.name ?? 'nightly' }, spec },
      validateOnly: over.validateOnly,
    })
  ).cronJob;
const update = async (spec: Spec, updateMask?: string[], revision?: bigint) =>
  (
    await api.client.cron.updateCronJob({
      cronJob: { metadata: { formation: 'shop', name: 'nightly', revision }, spec },
      updateMask,
    })
  ).cronJob;
const refusal = async (call: Promise<unknown>) => (await call.catch((error: unknown) => error)) as Error;

test('a job is made, read, listed, changed and deleted', async () => {
  const made = await create();
  expect(made).toMatchObject({ metadata: { formation: 'shop', generation: 1n }, spec: nightly });
  expect((await api.client.cron.getCronJob({ name })).cronJob).toEqual(made);
  const { cronJobs: listed } = await api.client.cron.listCronJobs({ parent: 'formations/-' });
  expect(listed).toEqual([made]);
  const suspended = await update({ suspended: true }, ['suspended']);
  expect(suspended).toMatchObject({ metadata: { generation: 2n }, spec: { ...nightly, suspended: true } });
  expect(await update({ suspended: true }, ['suspended'])).toEqual(suspended);
  await api.client.cron.deleteCronJob({ name });
  expect(await refusal(api.client.cron.getCronJob({ name }))).toBeInstanceOf(NotFoundError);
});

test('validate_only changes nothing', async () => {
  expect(await create(nightly, { validateOnly: true })).toBeDefined();
  expect((await api.store.list(cronJobs)).items).toEqual([]);
  await create();
  await api.client.cron.deleteCronJob({ name, validateOnly: true });
  expect((await api.store.list(cronJobs)).items).toHaveLength(1);
});

test('two by one name, and an update of what has changed meanwhile, are refused', async () => {
  const made = await create();
  expect(await refusal(create())).toBeInstanceOf(ExistsError);
  await update({ suspended: true }, ['suspended']);
  const stale = await refusal(update({ suspended: false }, ['suspended'], made?.metadata?.revision));
  expect(stale.message).toContain('has changed since');
});

test.each<[string, Spec, string, string]>([
  ['a line that never fires', { schedule: '0 0 30 2 *', command: ['x'] }, 'nightly', 'never fires'],
  ['a field that is none', { schedule: '61 * * * *', command: ['x'] }, 'nightly', 'has the minute "61"'],
  ['an unknown zone', { ...nightly, timeZone: 'Mars/Olympus' }, 'nightly', 'time zone "Mars/Olympus"'],
  ['nothing to run', { schedule: '@daily' }, 'nightly', 'has no command'],
  ['a name that is none', nightly, 'Nightly', 'cron job name "Nightly" is not allowed'],
  ["gilliam run's name", nightly, 'run', 'choose another'],
  ["a process's name", nightly, 'web', 'has the name of a process'],
  ['a process that is none', { ...nightly, process: 'wbe' }, 'nightly', 'did you mean "web"?'],
  ['a catch_up of weeks', { ...nightly, catchUpMs: 90_000_000 }, 'nightly', 'catch-up is 90,000,000 ms'],
])('%s is refused', async (_, spec, as, message) => {
  const error = await refusal(create(spec, { name: as }));
  expect(error).toBeInstanceOf(InvalidError);
  expect(error.message).toContain(message);
});

test('a run by hand is an instance of the current release, and does not overlap', async () => {
  await create();
  const { instance } = await api.client.cron.runCronJob({ name });
  expect(instance?.spec).toMatchObject({
    process: 'nightly',
    ordinal: 1,
    oneOff: { cronJob: 'nightly', command: ['rake', 'report'] },
  });
  expect((await api.client.cron.getCronJob({ name })).cronJob?.status).toMatchObject({
    lastReason: 'Started',
    lastInstance: 'nightly.1',
  });
  const again = await refusal(api.client.cron.runCronJob({ name }));
  expect(again).toBeInstanceOf(PreconditionError);
  expect(again.message).toContain('nightly.1 is under way');
  expect((await api.store.list(instances)).items).toHaveLength(1);
});

test('a run without a release says what is missing', async () => {
  await api.client.formations.createFormation({ formation: { metadata: { name: 'blog' } } });
  const cronJob = { metadata: { name: 'nightly' }, spec: nightly };
  await api.client.cron.createCronJob({ parent: 'formations/blog', cronJob });
  const error = await refusal(api.client.cron.runCronJob({ name: 'formations/blog/cronJobs/nightly' }));
  expect(error.message).toBe('there is no release to run it in: gilliam deploy');
});
