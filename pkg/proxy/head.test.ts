import * as fc from 'fast-check';
import { listOf, parseRequestHead, parseResponseHead } from './head';
import { Refusal } from './refusal';

const token = fc.stringMatching(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,20}$/);
const value = fc.stringMatching(/^[\x21-\x7e\x80-\xff]{1,30}$/);

describe('a head', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(token, fc.array(fc.tuple(token, value), { maxLength: 20 }), (method, fields) => {
        const text = [`${method} http://a/ HTTP/1.1`, ...fields.map(([name, is]) => `${name}: \t${is} `)];
        const head = parseRequestHead(text.join('\r\n'));
        expect(head).toMatchObject({ method, target: 'http://a/', minor: 1 });
        expect(head.fields.map(({ name, value }) => [name, value])).toEqual(fields);
      }),
    );
  });

  it('of noise is refused, never misread', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 100 }), (text) => {
        for (const parse of [parseRequestHead, parseResponseHead]) {
          try {
            const head = parse(text);
            for (const field of head.fields) expect(field.value).not.toMatch(/[\r\n\0]/);
          } catch (error) {
            expect(error).toBeInstanceOf(Refusal);
          }
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('of a response may leave out the reason', () => {
    expect(parseResponseHead('HTTP/1.1 200')).toMatchObject({ status: 200, reason: '' });
    expect(parseResponseHead('HTTP/1.0 404 Not Found')).toMatchObject({
      status: 404,
      reason: 'Not Found',
      minor: 0,
    });
  });
});

it('a list goes over all fields of its name', () => {
  const { fields } = parseRequestHead('GET / HTTP/1.1\r\nTE: a, ,B\r\nX: c\r\nte: d');
  expect(listOf(fields, 'te')).toEqual(['a', 'b', 'd']);
});
