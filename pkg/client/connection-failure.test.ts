import { UnavailableError } from '../base/errors';
import { connectionFailure } from './connection-failure';

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
