import { findProgram, runCommand } from './command';

const env = { PATH: process.env.PATH };

describe('a program', () => {
  test('is run to its end, line by line', async () => {
    const lines: string[] = [];
    const args = ['-c', 'echo one; printf tw; sleep 0.05; echo o; echo three >&2; exit 3'];
    const result = await runCommand('sh', args, { env, onLine: (line) => lines.push(line) });
    expect(result).toEqual({ code: 3, stdout: 'one\ntwo\n', stderr: 'three\n' });
    expect(lines.sort()).toEqual(['one', 'three', 'two']);
  });

  test('that is not there is exit code 127', async () => {
    expect((await runCommand('gilliam-no-such-program', [], { env })).code).toBe(127);
  });

  test('ends with the signal', async () => {
    const stop = new AbortController();
    const running = runCommand('sleep', ['60'], { env }, stop.signal);
    stop.abort();
    await expect(running).rejects.toThrow('abort');
  });

  test('is looked for on PATH and where administrators have theirs', () => {
    expect(findProgram('sh', { PATH: '' })).toBeUndefined();
    expect(findProgram('sh', env)).toMatch(/\/sh$/);
    expect(findProgram('gilliam-no-such-program', env)).toBeUndefined();
  });
});
