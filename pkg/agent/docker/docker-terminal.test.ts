import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type Docker from 'dockerode';
import { SystemClock } from '../../base/clock';
import { UnavailableError } from '../../base/errors';
import { VirtualClock } from '../../testing/virtual-clock';
import { execControl } from './docker-terminal';

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
