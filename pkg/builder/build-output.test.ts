import { ExhaustedError, PreconditionError } from '../base/errors';
import type { EngineMessage } from './build-output';
import { BuildOutput } from './build-output';

/** What people see of the messages. */
function shown(output: BuildOutput, messages: readonly EngineMessage[]): readonly string[] {
  return messages
    .flatMap((message) => output.read(message))
    .map((part) =>
      part.$case === 'step'
        ? `[${part.value.number}/${part.value.total}] ${part.value.instruction}`
        : part.$case === 'output'
          ? part.value.toString()
          : part.$case,
    );
}

const steps: readonly EngineMessage[] = [
  { stream: 'Step 1/2 : FROM base' },
  { stream: '\n' },
  { stream: ' ---> 0123456789ab\n' },
  { stream: 'Step 2/2 : RUN npm ci   --omit=dev && rm -rf /tmp/npm' },
  { stream: '\n' },
];

describe('BuildOutput', () => {
  it('tells steps from what they print, and leaves the bookkeeping out', () => {
    const output = new BuildOutput();
    expect(
      shown(output, [
        ...steps,
        { stream: ' ---> Running in 0123456789ab\n' },
        { stream: '\u001b[91mwarning\n\u001b[0m' },
        { stream: '\n' },
        { stream: 'Step 1/2 : printed by a program\n' },
        { stream: 'Removing intermediate container 0123456789ab\n' },
        { aux: { ID: 'sha256:abc' } },
        { stream: 'Successfully built 0123456789ab\n' },
      ]),
    ).toEqual([
      '[1/2] FROM base',
      '[2/2] RUN npm ci --omit=dev && rm -rf /tmp/npm',
      'warning\n',
      '\n',
      'Step 1/2 : printed by a program\n',
    ]);
    expect(output.imageId).toBe('sha256:abc');
  });

  it('says what is used again', () => {
    expect(shown(new BuildOutput(), [...steps.slice(0, 2), { stream: ' ---> Using cache\n' }])).toEqual([
      '[1/2] FROM base',
      ' ---> Using cache\n',
    ]);
  });

  it('tells of a pull without its progress', () => {
    expect(
      shown(new BuildOutput(), [
        { status: 'Pulling from library/node', id: '20', progressDetail: {} },
        { status: 'Downloading', id: 'abc', progressDetail: { current: 1 } },
        { status: 'Pull complete', id: 'abc' },
      ]),
    ).toEqual(['20: Pulling from library/node\n', 'abc: Pull complete\n']);
  });

  const error = (message: string, code?: number): EngineMessage => ({
    error: message,
    errorDetail: { message, ...(code !== undefined && { code }) },
  });

  it.each([
    [
      error('The command returned a non-zero code: 1', 1),
      'step 2/2 RUN npm ci --omit=dev && … failed: exit 1 (see the output above)',
    ],
    [error('killed', 137), 'exit 137: it was killed, perhaps for lack of memory'],
    [
      error('COPY failed:\n no such file'),
      'step 2/2 RUN npm ci --omit=dev && … failed: COPY failed: no such file',
    ],
    [{ error: 'bare' }, 'failed: bare'],
  ])('names the step of %j', (message, expected) => {
    const output = new BuildOutput();
    shown(output, steps);
    expect(() => output.read(message)).toThrow(PreconditionError);
    expect(() => output.read(message)).toThrow(expected);
  });

  it('knows a full disk, whoever says it', () => {
    for (const messages of [
      [error('mkdir: no space left on device')],
      [{ stream: 'npm error ENOSPC: no space left\n' }, error('non-zero', 1)],
    ]) {
      const output = new BuildOutput();
      expect(() => shown(output, [...steps, ...messages])).toThrow(ExhaustedError);
    }
  });

  it('says which name could not be resolved in the step that failed, and in no other', () => {
    const outage = {
      stream: "W: Failed to fetch http://deb.example/  Temporary failure resolving 'deb.example'\n",
    };
    const output = new BuildOutput();
    expect(() => shown(output, [...steps, outage, error('non-zero', 100)])).toThrow(
      new PreconditionError(
        'step 2/2 RUN npm ci --omit=dev && … failed: exit 100 after deb.example could not be resolved (see the output above): let the containers of the Docker Engine reach it (DNS, firewall, HTTP_PROXY), then deploy again',
      ),
    );
    const before = [...steps.slice(0, 3), outage, ...steps.slice(3)];
    expect(() => shown(new BuildOutput(), [...before, error('non-zero', 1)])).toThrow(
      /failed: exit 1 \(see the output above\)$/,
    );
  });

  it('names no step before the first', () => {
    expect(() => new BuildOutput().read({ error: 'no' })).toThrow('the build failed: no');
  });
});
