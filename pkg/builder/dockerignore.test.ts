import { dockerignore } from './dockerignore';

describe('dockerignore', () => {
  it.each<[string, readonly string[], readonly string[]]>([
    ['node_modules', ['node_modules', 'node_modules/a/b'], ['node_modules2', 'x/node_modules']],
    ['/build/', ['build', 'build/x'], ['x/build']],
    ['*.log', ['a.log'], ['x/a.log', 'a.logs']],
    ['**/*.log', ['a.log', 'x/y/a.log'], ['a.txt']],
    ['a/**/z', ['a/z', 'a/b/c/z'], ['a/b', 'b/a/z']],
    ['docs/**', ['docs/a', 'docs/a/b'], ['docs']],
    ['?.js', ['a.js'], ['ab.js', '.js/x']],
    ['[ab].js', ['a.js'], ['c.js']],
    ['a\\*b', ['a*b'], ['axb']],
    ['a.b+c', ['a.b+c'], ['aXb+c', 'a.bbc']],
    ['# comment\n\n  *.md  \n!README.md', ['a.md'], ['README.md']],
    ['*\n!src', ['a', 'b/c'], ['src', 'src/x']],
    ['*\n!src\nsrc/test', ['src/test/x'], ['src/x']],
    ['../x\n.', [], ['x', 'a']],
    ['*', ['a'], ['Dockerfile', '.dockerignore']],
    ['[z-a]', [], ['z']],
  ])('%j', (text, ignored, kept) => {
    const leftOut = dockerignore(text);
    expect(ignored.filter((path) => !leftOut(path))).toEqual([]);
    expect(kept.filter((path) => leftOut(path))).toEqual([]);
  });
});
