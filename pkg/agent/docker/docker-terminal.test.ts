import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type Docker from 'dockerode';
import { SystemClock } from '../../base/clock';
import { UnavailableError } from '../../base/errors';
import { VirtualClock } from '../../testing/virtual-clock';
import type { CommandTerminal, PrintedPiece } from '../terminal/command-terminal';
import { asShell, execControl } from './docker-terminal';

// What is asked of an engine's command, and what the engine says of it, the last of it from then on.
function commandThat(...answers: readonly object[]): Docker.Exec {
  let asked = 0;
  const inspect = async () => answers[Math.min(asked++, answers.length - 1)];
  return { inspect } as unknown as Docker.Exec;
}

describe('a signal to a command beside a container’s own', () => {
  // All that the test starts is in the control groups that it is in itself.
  const ContainerID = readFileSync('/proc/self/cgroup', 'utf8').split('\n', 1)[0] ?? '';

  test('that has printed something before the engine knows its process reaches it', async () => {
    const child = spawn('sleep', ['300'], { detached: true, stdio: 'ignore' });
    const ended = once(child, 'exit');
    const exec = commandThat(
      { Running: true, Pid: 0, ContainerID },
      { Running: true, Pid: 0, ContainerID },
      { Running: true, Pid: child.pid, ContainerID },
    );
    try {
      await execControl(exec, new SystemClock()).signal('SIGTERM');
      expect(await ended).toEqual([null, 'SIGTERM']);
    } finally {
      child.kill('SIGKILL');
    }
  });

  test('that could not be begun is no failure', async () => {
    const exec = commandThat({ Running: true, Pid: 0, ContainerID }, { Running: false, Pid: 0, ContainerID });
    await execControl(exec, new SystemClock()).signal('SIGTERM');
  });

  test('that the engine never begins fails, and says why', async () => {
    const clock = new VirtualClock();
    const exec = commandThat({ Running: true, Pid: 0, ContainerID });
    const failed = execControl(exec, clock)
      .signal('SIGTERM')
      .catch((error: unknown) => error);
    await clock.advance(20_000);
    expect(await failed).toBeInstanceOf(UnavailableError);
  });
});

describe('a command that its init cannot become', () => {
  const said = '[FATAL tini (7)] exec nosuch failed: No such file or directory\n';
  const line = 'gilliam: there is no "nosuch" here: name a command of the image, or the path of one\n';

  async function printed(...parts: readonly string[]) {
    async function* output(): AsyncGenerator<PrintedPiece> {
      for (const part of parts) yield { stream: 'stderr', bytes: Buffer.from(part) };
    }
    const exit = async () => 1;
    const terminal = asShell({ output: output(), exit } as unknown as CommandTerminal);
    const pieces: string[] = [];
    for await (const { bytes } of terminal.output) pieces.push(Buffer.from(bytes).toString());
    return { pieces, code: await terminal.exit(new AbortController().signal) };
  }

  test.each([
    ['at once', [said]],
    ['in parts', ['[FATAL tini (7)] ', 'exec nosuch failed: No such file or directory', '\n']],
    ['in parts without an end', ['[FATAL tini (7)] ', 'exec nosuch failed: No such file or directory']],
  ])('is told of in one line, printed %s', async (_how, parts) => {
    const { pieces, code } = await printed(...parts);
    expect(pieces.map((piece) => piece.trimEnd())).toEqual([line.trimEnd()]);
    expect(code).toBe(127);
  });

  test.each([
    ['[', 'x'],
    ['a', said],
  ])('what a command prints comes piece by piece: %j, %j', async (...parts) => {
    expect(await printed(...parts)).toEqual({ pieces: parts, code: 1 });
  });
});
