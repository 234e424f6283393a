import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';

/**
 * Runs a command on what all others leave of the processors: `{status, output}` once it has ended. Whoever ends this
 * process ends it.
 */
export function startLast(command, cwd) {
  const stdio = ['ignore', 'pipe', 'pipe'];
  const child = spawn('nice', ['-n', '19', command], { cwd, stdio, detached: true });
  // Where the kernel shares processors out among sessions (autogroup), nice counts within one only.
  try {
    writeFileSync(`/proc/${child.pid}/autogroup`, '19');
  } catch {
    // It does not.
  }
  process.once('exit', () => end(child));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1));
  return new Promise((resolve, reject) => {
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data));
    child.once('error', reject).once('close', (code) => resolve({ status: code ?? 1, output }));
  });
}

/** With all that it has started: it leads a group. */
function end(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid);
  } catch {
    // It has ended by itself.
  }
}
