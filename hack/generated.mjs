// For what is generated and committed. A script that makes it writes it, or with --check says where it differs from what
// is there, and writes nothing: checks run beside others that read these files.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';

export function keep(path, text) {
  if (!process.argv.includes('--check')) {
    writeFileSync(path, text);
    return;
  }
  const { status, stdout, stderr } = spawnSync('diff', ['-u', '--new-file', path, '-'], {
    input: text,
    encoding: 'utf8',
  });
  if (status === 0) return;
  console.log(`${stdout}${stderr}${path} is not what would be made now: make update`);
  process.exitCode = 1;
}
