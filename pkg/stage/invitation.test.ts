import { formatInvitation, type Invitation, parseInvitation, versionsFit } from './invitation';

const invitation: Invitation = {
  stage: 'prod',
  id: '1f2e3d4c',
  api: '10.0.0.1:4410',
  ca: '-----BEGIN CERTIFICATE-----\n…\n-----END CERTIFICATE-----\n',
  token: 't'.repeat(43),
  baseImage: 'gilliam/base:bookworm',
  version: '0.9.0',
};
const line = formatInvitation(invitation);

test('is one line that says what it is', () => {
  expect(line).toMatch(/^gilliam-invitation\.1\.[\w-]+\.[0-9a-f]{16}$/);
});

test.each([
  ['as it was printed', `${line}\n`],
  ['folded by a mail program', line.replace(/(.{60})/g, '$1\r\n  ')],
  ['as JSON', JSON.stringify({ stage: 'prod', invitation: line })],
])('is read %s', (_, text) => expect(parseInvitation(text)).toEqual(invitation));

const without = (field: keyof Invitation) => formatInvitation({ ...invitation, [field]: undefined as never });

test.each([
  ['nothing', ' \n', 'the invitation is empty'],
  ['a page of something else', '<html>', 'that is no invitation'],
  ['other JSON', '{"a":1}', 'that is no invitation'],
  ['JSON that is cut off', '{"invitation":"gill', 'that is no invitation'],
  ['the beginning of one', line.slice(0, 200), 'is not whole'],
  ['one without its end', line.slice(0, -1), 'is not whole'],
  ['one that was changed', line.replace('ey', 'eY'), 'is not whole'],
  [
    'one of a newer format',
    line.replace('.1.', '.2.'),
    'is of format 2, this Gilliam knows 1: have the same version',
  ],
  ['one without a token', without('token'), 'lacks what this Gilliam needs ("token")'],
  ['one without an authority', without('ca'), 'lacks what this Gilliam needs ("ca")'],
])('is refused, with what to do: %s', (_, text, message) => {
  expect(() => parseInvitation(text)).toThrow(message);
});

test('no error tells of its token', () => {
  const broken = formatInvitation({ ...invitation, token: 'short-secret' });
  expect(() => parseInvitation(broken)).toThrow(/^(?!.*short-secret)/);
});

test.each([
  ['0.9.0', '0.9.4', true],
  ['0.9.0', '0.10.0', false],
  ['1.2.0', '1.9.3', true],
  ['1.2.0', '2.0.0', false],
])('versions %s and %s fit: %s', (one, other, fit) => expect(versionsFit(one, other)).toBe(fit));
