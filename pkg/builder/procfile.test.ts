import fc from 'fast-check';
import { InvalidError } from '../base/errors';
import { MAX_PROCESSES, parseProcfile } from './procfile';

describe('parseProcfile', () => {
  it.each([
    ['web: node web.js\nworker: node worker.js\n', { web: 'node web.js', worker: 'node worker.js' }],
    ['# services\n\nweb: a # not a comment\r\n  \r\nclock: b\r\n', { web: 'a # not a comment', clock: 'b' }],
    ['web:a', { web: 'a' }],
    ['  web :\t a b  ', { web: 'a b' }],
    ['web: curl http://x:1/y', { web: 'curl http://x:1/y' }],
    ['\uFEFFweb: a', { web: 'a' }],
    ['constructor: a\ntostring: b', { constructor: 'a', tostring: 'b' }],
  ])('reads %j', (text, processes) => {
    expect(Object.fromEntries(parseProcfile(text))).toEqual(processes);
  });

  it.each([
    ['web: a\n\nworker\n', 'Procfile line 3: "worker" is not of the form NAME: COMMAND'],
    ['web: a\r\nweb: b', 'Procfile line 2: process web is there twice, first on line 1'],
    ['web: ', 'Procfile line 1: process web has no command: write it after the colon'],
    ['Web_1: a', 'Procfile line 1: process name "Web_1" is not allowed: use 1 to 63 lower-case letters'],
    [`${'a'.repeat(64)}: a`, 'is not allowed'],
    ['_cache: redis', 'Procfile line 1: process name "_cache" is not allowed'],
    [': a', 'Procfile line 1: ": a" is not of the form NAME: COMMAND'],
    ['web: a\0b', 'Procfile line 1: the command of process web has a NUL character'],
    ['', 'Procfile names no process: add a line like web: COMMAND'],
    ['# nothing', 'Procfile names no process'],
    ['web\nworker', 'Procfile line 1: "web" is not of the form NAME: COMMAND (and 1 more)'],
    [
      Array.from({ length: MAX_PROCESSES + 1 }, (_, index) => `p${index}: a`).join('\n'),
      `Procfile names ${MAX_PROCESSES + 1} processes: at most ${MAX_PROCESSES} are allowed`,
    ],
  ])('refuses %j', (text, message) => {
    expect(() => parseProcfile(text)).toThrow(InvalidError);
    expect(() => parseProcfile(text)).toThrow(message);
  });

  it('tells all that is wrong, each with its line', () => {
    try {
      parseProcfile('web\nok: a\nok: b\n');
    } catch (error) {
      expect((error as InvalidError).violations.map(({ field }) => field)).toEqual([
        'Procfile:1',
        'Procfile:3',
      ]);
    }
    expect.assertions(1);
  });

  it('either reads any text or refuses it in one line', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          expect(parseProcfile(text).size).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidError);
          expect((error as Error).message).not.toMatch(/[\n\r]/);
        }
      }),
    );
  });
});
