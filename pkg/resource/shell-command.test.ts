import { spawnSync } from 'node:child_process';
import { shellCommand } from './shell-command';

describe('shellCommand', () => {
  it.each([
    ['node server.js', 'exec node server.js'],
    ['gunicorn app:app --bind "0.0.0.0:$PORT"', 'exec gunicorn app:app --bind "0.0.0.0:$PORT"'],
    ["node -e 'a(); b() && c' 2>&1", "exec node -e 'a(); b() && c' 2>&1"],
    ['server --port ${PORT:-8080} > log', 'exec server --port ${PORT:-8080} > log'],
    ['NODE_ENV=test A="b c" node x', 'NODE_ENV=test A="b c" exec node x'],
    ['cd api && node server.js', 'cd api && exec node server.js'],
    ['migrate; node server.js', 'migrate; exec node server.js'],
    ['a || b', 'a || exec b'],
    ['./a#b', 'exec ./a#b'],
    ['$SERVER --fast', 'exec $SERVER --fast'],
  ])('%s: the program is what is told to stop', (line, expected) => {
    expect(shellCommand(line)).toEqual(['/bin/sh', '-c', expected]);
  });

  it.each([
    'exec node server.js',
    'cd api',
    'A=1',
    'a | b',
    'a & b',
    'a &',
    '(a; b)',
    '{ a; b; }',
    'if a; then b; fi',
    'while a; do b; done',
    'case $A in a) b;; esac',
    'f() { a; }; f',
    'trap "a" TERM; b',
    'cat <<E',
    'a # b',
    '> log a',
    'a `b`',
    'a $(b)',
    'a "$(b "c; d")"',
    'a "${B:-"c; d"}"',
    'a "b',
    'a;',
    '! a',
  ])('%s: is the shell’s', (line) => {
    const [, , kept] = shellCommand(line);
    expect(kept).toBe(line);
  });

  it.each([
    ['echo a "b  c" \'d\' \\e $((1 + 1)) ; echo ${X:-f}', ''],
    ['X=1 env | grep ^X=', ''],
    ['cd / && pwd', ''],
    ['X="a b" Y=c sh -c \'echo "$X$Y"; exit 3\'', ''],
    ['false && echo a || sh -c "exit 4"', ''],
    ['true && echo a || sh -c "exit 4"', ''],
    ['echo a >&2 2>/dev/null', ''],
    ['no-such-program', 'not found'],
  ])('%s: does the same as without', (line, stderr) => {
    const run = (text: string) => spawnSync('/bin/sh', ['-c', text], { encoding: 'utf8' });
    const [before, after] = [run(line), run(shellCommand(line)[2] ?? '')];
    expect([after.status, after.stdout]).toEqual([before.status, before.stdout]);
    expect(after.stderr).toContain(stderr);
  });
});
