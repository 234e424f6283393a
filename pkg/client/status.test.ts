import { status } from '@grpc/grpc-js';
import fc from 'fast-check';
import * as errors from '../base/errors';
import { FencedError } from '../store/errors';
import { fromStatus, isFromServer, toStatus } from './status';

const classes = [
  errors.NotFoundError,
  errors.ExistsError,
  errors.ConflictError,
  errors.PreconditionError,
  errors.ExhaustedError,
  errors.UnauthenticatedError,
  errors.DeniedError,
  errors.CompactedError,
  errors.UnavailableError,
  errors.DeadlineError,
  errors.CancelledError,
  errors.InternalError,
];

test.each(classes.map((type) => [type.name, type] as const))(
  'a %s comes back as it was thrown',
  (_name, type) => {
    const error = new type('formation "shöp" is gone: 100 %\nreally');
    const sent = toStatus(error);
    expect(sent.code).toBe(status[error.code]);
    const back = fromStatus(sent);
    expect(back).toBeInstanceOf(type);
    expect(back).toMatchObject({ message: error.message, code: error.code, retryable: error.retryable });
    expect(isFromServer(sent)).toBe(true);
  },
);

test('an InvalidError comes back with its violations', () => {
  const violations = [
    { field: 'spec.config.PORT', description: 'PORT is set by Gilliam' },
    { field: 'spec.image', description: 'not a digest' },
  ];
  const back = fromStatus(toStatus(new errors.InvalidError('two faults', violations)));
  expect(back).toBeInstanceOf(errors.InvalidError);
  expect(back).toMatchObject({ message: 'two faults', violations });
});

test('many and long violations are cut, so that the status fits into trailers', () => {
  const violations = Array.from({ length: 500 }, (_, index) => ({
    field: `f${index}`,
    description: 'x'.repeat(5_000),
  }));
  const sent = toStatus(new errors.InvalidError('x'.repeat(100_000), violations));
  const details = sent.metadata.get('grpc-status-details-bin')[0] as Buffer;
  expect(details.length + sent.details.length).toBeLessThan(12_000);
});

test.each([
  ['a plain error', new Error('boom')],
  ['a fenced write', new FencedError('deposed')],
  ['a string', 'boom'],
])('%s is a fault of ours', (_name, thrown) => {
  expect(toStatus(thrown).code).toBe(status.INTERNAL);
});

test('an abort is a cancellation', () => {
  expect(toStatus(new DOMException('aborted', 'AbortError')).code).toBe(status.CANCELLED);
});

test("a transport's status becomes the error of its code", () => {
  expect(fromStatus({ code: status.RESOURCE_EXHAUSTED, details: 'too large' })).toBeInstanceOf(
    errors.ExhaustedError,
  );
  expect(fromStatus({ code: status.UNIMPLEMENTED, details: '' })).toMatchObject({ message: 'UNIMPLEMENTED' });
  expect(isFromServer({ code: status.UNAVAILABLE, details: '' })).toBe(false);
});

test('any text survives, and none can break the trailers', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
      const sent = toStatus(new errors.NotFoundError(`${text}!`));
      expect(() => encodeURI(sent.details)).not.toThrow();
      expect(fromStatus(sent).message).toBe(Buffer.from(`${text}!`).toString());
    }),
  );
  const halved = toStatus(new errors.NotFoundError(`\ud83d and ${'😀'.repeat(5_000)}`));
  expect(() => encodeURI(halved.details)).not.toThrow();
});
