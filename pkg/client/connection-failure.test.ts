import { DeadlineError, NotFoundError, UnavailableError } from '../base/errors';
import { connectionFailure, isUnanswered } from './connection-failure';
import { fromStatus, toStatus } from './status';

const refused = 'connect ECONNREFUSED 10.0.0.1:4410';
const untrusted = 'unable to verify the first certificate';

test.each([
  [`No connection established. Last error: Error: ${refused}. Resolution note: `, refused, false],
  [`No connection established. Last error: ${refused} (2026-11-22T10:00:00.000Z)`, refused, false],
  [`No connection established. Last error: Error: ${untrusted}. Resolution note: `, untrusted, true],
  [
    'Name resolution failed for target dns:node-1:4410',
    'Name resolution failed for target dns:node-1:4410',
    false,
  ],
])('of %j', (details, reason, certificate) => {
  const error = new UnavailableError('does not answer', { cause: { details } });
  expect(connectionFailure(error)).toEqual({ reason, certificate });
});

test('of an error that nobody explains', () => {
  expect(connectionFailure(new UnavailableError('away'))).toEqual({ reason: 'away', certificate: false });
});

test('what a control plane says of others is its answer', () => {
  const away = new UnavailableError('away');
  expect([away, new DeadlineError('late')].map(isUnanswered)).toEqual([true, true]);
  expect([fromStatus(toStatus(away)), new NotFoundError('none'), undefined].map(isUnanswered)).toEqual([
    false,
    false,
    false,
  ]);
});
