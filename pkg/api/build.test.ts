import {
  CancelledError,
  ExhaustedError,
  InvalidError,
  NotFoundError,
  PreconditionError,
} from '../base/errors';
import type { BuildRequest, BuildResponse } from '../gen/gilliam/v1/build_service';
import { ApiHarness, eventually } from '../testing/api-harness';

let api: ApiHarness;
beforeEach(async () => {
  api = await ApiHarness.start({ options: { maxUploadBytes: 3 * 2 ** 20, maxBuilds: 1 } });
  await api.shop();
});
afterEach(() => api.close());

type Part = NonNullable<BuildRequest['part']>;
const start = (over: object = {}): Part => ({
  $case: 'start',
  value: {
    parent: 'formations/shop',
    commit: 'abcdef0',
    planOnly: false,
    forApply: false,
    source: '',
    ...over,
  },
});
const chunk = (bytes = 1000): Part => ({ $case: 'chunk', value: Buffer.alloc(bytes) });

async function build(parts: readonly Part[], signal?: AbortSignal): Promise<BuildResponse[]> {
  async function* requests(): AsyncGenerator<BuildRequest> {
    for (const part of parts) yield { part };
  }
  const received: BuildResponse[] = [];
  for await (const response of api.client.build.build(requests(), { signal })) received.push(response);
  return received;
}

test('the tree goes in, and plan, steps, output and result come out', async () => {
  const received = await build([start(), chunk(), chunk(2000)]);
  expect(received.map(({ part }) => part?.$case)).toEqual(['plan', 'step', 'output', 'result']);
  expect(received.at(-1)?.part).toMatchObject({ value: { image: api.builder.image } });
  expect(api.builder.received).toEqual([3000]);
});

test('plan_only builds nothing', async () => {
  const received = await build([start({ planOnly: true }), chunk()]);
  expect(received.map(({ part }) => part?.$case)).toEqual(['plan']);
});

test('for an apply, the formation may be one that is made only then', async () => {
  const received = await build([start({ parent: 'formations/none', forApply: true }), chunk()]);
  expect(received.at(-1)?.part).toMatchObject({ value: { image: api.builder.image } });
  expect(api.builder.inputs.at(-1)).toMatchObject({ formation: 'none', commandsElsewhere: true });
});

test.each<[string, readonly Part[], new (message: string) => Error, string]>([
  ['nothing', [], InvalidError, 'the first message has to be start'],
  ['a chunk first', [chunk()], InvalidError, 'the first message has to be start'],
  ['two starts', [start(), start()], InvalidError, 'start comes once'],
  ['a formation that is not there', [start({ parent: 'formations/none' })], NotFoundError, 'does not exist'],
  ['no parent', [start({ parent: '' })], InvalidError, 'start.parent is missing'],
  ['a commit that is none', [start({ commit: 'HEAD' })], InvalidError, 'not a git commit'],
  ['a chunk that is too large', [start(), chunk(2 ** 20 + 1)], InvalidError, 'send at most 1 MiB at a time'],
  [
    'a tree that is too large',
    [start(), chunk(2 ** 20), chunk(2 ** 20), chunk(2 ** 20), chunk(1)],
    ExhaustedError,
    'the source tree is over the limit of 3 MiB',
  ],
])('%s is refused', async (_name, parts, type, message) => {
  const error = (await build(parts).catch((thrown: unknown) => thrown)) as Error;
  expect(error).toBeInstanceOf(type);
  expect(error.message).toContain(message);
});

test("a builder's refusal comes back as it is", async () => {
  api.builder.failure = new InvalidError('Procfile line 2: no colon', [
    { field: 'Procfile:2', description: 'no colon' },
  ]);
  const error = await build([start(), chunk()]).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(InvalidError);
  expect(error).toMatchObject({ violations: [{ field: 'Procfile:2', description: 'no colon' }] });
});

test('cancelling the call cancels the build, and makes room for the next', async () => {
  api.builder.hangs = true;
  const end = new AbortController();
  const building = build([start(), chunk()], end.signal);
  await eventually(() => expect(api.builder.received).toHaveLength(1));
  await expect(build([start()])).rejects.toThrow(ExhaustedError);
  end.abort();
  await expect(building).rejects.toThrow(CancelledError);
  await eventually(() => expect(api.builder.cancelled).toBe(1));
  api.builder.hangs = false;
  await eventually(() => build([start()]));
});

test('an upload that breaks off in the middle builds nothing', async () => {
  const end = new AbortController();
  let over = () => {};
  const ended = new Promise<void>((resolve) => (over = resolve));
  async function* requests(): AsyncGenerator<BuildRequest> {
    yield { part: start() };
    yield { part: chunk() };
    end.abort();
    await ended;
    yield { part: chunk() };
  }
  const run = async () => {
    for await (const _ of api.client.build.build(requests(), { signal: end.signal }));
  };
  await expect(run()).rejects.toThrow(CancelledError);
  over();
  // The only place for a build is free again once the server has seen the end of this one.
  await eventually(() => expect(build([start(), chunk(5)])).resolves.toHaveLength(4));
  expect(api.builder.received).toEqual([5]);
});

test('a failing source of the tree is what the caller hears of', async () => {
  async function* requests(): AsyncGenerator<BuildRequest> {
    yield { part: start() };
    throw new Error('git failed');
  }
  const run = async () => {
    for await (const _ of api.client.build.build(requests()));
  };
  await expect(run()).rejects.toThrow('git failed');
});

test('without a builder nothing is built', async () => {
  await api.stopServer();
  await api.startServer({ builder: undefined });
  const error = (await build([start()]).catch((thrown: unknown) => thrown)) as Error;
  expect(error).toBeInstanceOf(PreconditionError);
});
