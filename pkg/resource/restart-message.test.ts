import { causeOfRestart, howItEnded, restartingMessage, startedAgainMessage } from './restart-message';

test.each([
  ['exit 3', 'boom: config missing', 'boom: config missing'],
  ['exit 3', undefined, ''],
  ['exit 3', '\u001b[1;31mboom\u001b[0m:\tconfig\u0007 missing', 'boom: config missing'],
  ['exit 3', '\u001b[0m', ''],
  ['exit 3', '🙂'.repeat(200), `${'🙂'.repeat(159)}…`],
  ['out of memory', 'boom', 'out of memory: boom'],
  ['its container was removed', undefined, 'its container was removed'],
])('the cause of a restart is found in both messages: %s: %s', (how, said, cause) => {
  const ended = howItEnded(how, said);
  expect(causeOfRestart(restartingMessage(ended, 4, '0.5 s'))).toBe(cause);
  expect(causeOfRestart(startedAgainMessage(ended))).toBe(cause);
});
