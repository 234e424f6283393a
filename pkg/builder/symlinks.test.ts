import { escapes } from './symlinks';

describe('escapes', () => {
  it.each<[string, Record<string, string>, boolean]>([
    ['a link to a file beside it', { a: 'b' }, false],
    ['a link to a directory above, inside', { 'x/y/a': '../..' }, false],
    ['a link one step too far up', { 'x/y/a': '../../..' }, true],
    ['a link to the parent', { a: '..' }, true],
    ['an absolute link', { a: '/etc/passwd' }, true],
    ['out and in again', { a: '../tree/b' }, true],
    ['a link to itself', { a: 'a' }, false],
    ['two links in a circle', { a: 'b', b: 'a' }, false],
    ['a link through a link that leads up', { 'x/y/up': '../..', a: 'x/y/up/..' }, true],
    ['a link through a link, inside', { 'x/y/up': '..', a: 'x/y/up/..' }, false],
    ['a link to nothing', { a: 'nowhere/../nothing' }, false],
  ])('%s', (_name, links, expected) => {
    const map = new Map(Object.entries(links));
    expect([...map.keys()].some((path) => escapes(path, map))).toBe(expected);
  });
});
