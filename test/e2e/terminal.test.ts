import { StageHarness } from './harness';

// What only a person sees: colours, progress and hints, which a pipe never shows. `script` is the terminal.
describe('on a terminal', () => {
  let stage: StageHarness;
  let cwd: string;

  beforeAll(async () => {
    stage = await StageHarness.start({ hostPortBase: 12_500 });
    cwd = await stage.app('seen', { Procfile: 'worker: exec sleep 1000\n' });
  });
  afterAll(() => stage?.stop());

  /** What the terminal shows in the end, without colours, and the command's exit status. */
  const onTerminal = async (command: string) => {
    const line = `${process.cwd()}/bin/gilliam ${command}`;
    const { stdout, code } = await stage.run(
      'script',
      ['--quiet', '--return', '--command', line, '/dev/null'],
      {
        cwd,
        env: { TERM: 'xterm-256color', NO_COLOR: '' },
      },
    );
    const plain = stdout.replace(/\u001b\[[0-9;?]*[A-Za-z]/g, '');
    return { shown: plain.replaceAll('\r', '\n'), colored: plain !== stdout, code };
  };

  test.each([
    ['create seen', /formation seen created/, /next: gilliam deploy/],
    ['deploy', /v1 released/, /next: gilliam scale/],
    ['scale worker=1 --wait', /v1 worker=1/, /next: gilliam ps/],
  ])('gilliam %s says what it did, and what is likely next', async (command, says, next) => {
    const { shown, code } = await onTerminal(command);
    expect(shown).toMatch(says);
    expect(shown).toMatch(next);
    expect(code).toBe(0);
  });

  test.each(['ps', 'releases', 'executors', 'events', 'status', 'why worker.1', 'version', '--help'])(
    'gilliam %s is printed, whole',
    async (command) => {
      const { shown, code } = await onTerminal(command);
      expect(shown.trim()).not.toBe('');
      expect(shown).not.toMatch(/error|undefined|\[object/i);
      expect(code).toBe(0);
    },
  );

  test('states have colours, on a terminal only', async () => {
    expect((await onTerminal('ps')).colored).toBe(true);
    const piped = await stage.succeed(['ps'], { cwd, env: { NO_COLOR: '' } });
    expect(piped.stdout).not.toContain('\u001b');
    expect(piped.stderr).toBe('');
  });

  test('a mistake is one line, and exit 1 or 2', async () => {
    const { shown, code } = await onTerminal('scal');
    expect(shown.trim().split('\n').filter(Boolean)).toHaveLength(1);
    expect(shown).toMatch(/did you mean "scale"/);
    expect(code).toBe(2);
  });
});
