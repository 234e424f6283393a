import fc from 'fast-check';
import { mayRead, mayWrite } from './registry-path';

const repository = 'gilliam/prod-1f2e3d4c';
const hex = 'a1'.repeat(32);
const digest = `sha256:${hex}`;
const own = `/v2/${repository}`;

test.each<[string, string, read: boolean, write: boolean]>([
  ['GET', `${own}/manifests/${hex}`, true, true],
  ['HEAD', `${own}/manifests/${digest}`, true, true],
  ['GET', `${own}/blobs/${digest}`, true, true],
  ['PUT', `${own}/manifests/${hex}`, false, true],
  ['POST', `${own}/blobs/uploads/`, false, true],
  ['PATCH', `${own}/blobs/uploads/8f1-2_x?_state=ab%3D`, false, true],
  ['PUT', `${own}/blobs/uploads/8f1?_state=ab&digest=${digest}`, false, true],
  // What is somebody else's.
  ['GET', `/v2/gilliam/prod-00000000/manifests/${hex}`, false, false],
  ['GET', `/v2/${repository}x/manifests/${hex}`, false, false],
  ['POST', `${own}/blobs/uploads/?mount=${digest}&from=gilliam/other`, false, false],
  ['POST', `${own}/blobs/uploads/?from=gilliam/other`, false, false],
  // Ways around it.
  ['GET', `${own}/../other/manifests/${hex}`, false, false],
  ['GET', `${own}/manifests/..`, false, false],
  ['GET', `${own}/blobs/%73ha256:${hex}`, false, false],
  ['GET', `${own}//blobs/${digest}`, false, false],
  ['GET', `${own}/blobs/${digest}/`, false, false],
  ['GET', `${own}/blobs/${digest}?x=1`, false, false],
  ['GET', `${own}/blobs/${digest}\n`, false, false],
  ['GET', `http://elsewhere${own}/blobs/${digest}`, false, false],
  // What nobody needs.
  ['GET', `/v2/_catalog`, false, false],
  ['GET', `${own}/tags/list`, false, false],
  ['GET', `${own}/manifests/latest`, false, false],
  ['DELETE', `${own}/manifests/${digest}`, false, false],
  ['DELETE', `${own}/blobs/${digest}`, false, false],
  ['PUT', `${own}/manifests/${hex}?x=1`, false, false],
  ['POST', `${own}/manifests/${hex}`, false, false],
  ['CONNECT', `${own}/blobs/uploads/`, false, false],
  ['PATCH', `${own}/blobs/uploads/a/b`, false, false],
])('%s %s: read %s, write %s', (method, path, read, write) => {
  expect([mayRead(repository, method, path), mayWrite(repository, method, path)]).toEqual([read, write]);
});

test('whatever is passed on stays in the repository when it is resolved', () => {
  const part = fc.constantFrom(
    '..',
    '.',
    '/',
    '%2e',
    'blobs',
    'manifests',
    'uploads',
    digest,
    hex,
    '?',
    '#',
    '\\',
    'x',
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 8 }), fc.constantFrom('GET', 'PUT', 'POST'), (parts, method) => {
      const path = `${own}/${parts.join('')}`;
      if (!mayWrite(repository, method, path)) return;
      expect(new URL(path, 'http://registry').pathname.startsWith(`${own}/`)).toBe(true);
    }),
  );
});
