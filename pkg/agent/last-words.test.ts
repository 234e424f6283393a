import { lastWords } from './last-words';

const cases: readonly (readonly [program: string, printed: string, words: string | undefined])[] = [
  ['one that says why at last', 'starting\nno database\n', 'no database'],
  ['one that has said nothing', '\n  \n', undefined],
  ['one whose lines are all indented', '  one\n  two\n', 'two'],
  [
    'Node, that throws',
    `/app/server.js:1
throw new Error("boom")
^

Error: boom
    at Object.<anonymous> (/app/server.js:1:7)
    at node:internal/main/run_main_module:28:49

Node.js v20.20.2
`,
    'Error: boom',
  ],
  [
    'Node, of an error event that nobody takes',
    `node:events:497
      throw er; // Unhandled 'error' event
      ^

Error: connect ECONNREFUSED 127.0.0.1:1
    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1611:16)
Emitted 'error' event on Socket instance at:
    at emitErrorNT (node:internal/streams/destroy:169:8) {
  errno: -111,
  code: 'ECONNREFUSED'
}

Node.js v20.20.2
`,
    'Error: connect ECONNREFUSED 127.0.0.1:1',
  ],
  [
    'Node, of a module that is not there',
    `Error: Cannot find module '/app/sever.js'
    at Module._resolveFilename (node:internal/modules/cjs/loader:1225:15) {
  code: 'MODULE_NOT_FOUND',
  requireStack: []
}

Node.js v20.20.2
`,
    "Error: Cannot find module '/app/sever.js'",
  ],
  [
    'Node, of a promise that nobody waits for',
    `[UnhandledPromiseRejection: rejected with the reason "x".] {
  code: 'ERR_UNHANDLED_REJECTION'
}

Node.js v20.20.2
`,
    '[UnhandledPromiseRejection: rejected with the reason "x".]',
  ],
  [
    'Python',
    `Traceback (most recent call last):
  File "/app/web.py", line 1, in <module>
    import flask
ModuleNotFoundError: No module named 'flask'
`,
    "ModuleNotFoundError: No module named 'flask'",
  ],
  [
    'Java',
    'Exception in thread "main" java.lang.IllegalStateException: no port\n\tat Main.main(Main.java:3)\n',
    'Exception in thread "main" java.lang.IllegalStateException: no port',
  ],
  ['Go', 'panic: no port\n\ngoroutine 1 [running]:\nmain.main()\n\t/app/main.go:4 +0x39\n', 'panic: no port'],
];

test.each(cases)('the last words of %s', (_, printed, words) => {
  expect(lastWords(printed.split('\n'))).toBe(words);
});
