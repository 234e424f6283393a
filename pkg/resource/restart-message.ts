const AGAIN = 'started again';
/** Of what a program printed: a status is told often, and read in one line. */
const MAX_CHARACTERS = 160;

/** How a container's run ended: `exit 3: boom`. What the program printed may be coloured, or steer a terminal. */
export function howItEnded(how: string, said = ''): string {
  const plain = said.replace(/\u001b\[[\d;?]*[A-Za-z]/g, '').replace(/[\p{Cc}\u2028\u2029]+/gu, ' ');
  const characters = [...plain.replace(/ +/g, ' ').trim()];
  if (characters.length === 0) return how;
  const short =
    characters.length > MAX_CHARACTERS ? [...characters.slice(0, MAX_CHARACTERS - 1), '…'] : characters;
  return `${how}: ${short.join('')}`;
}

/** The message of an instance that waits to be started again: `exit 3: boom, restart 1 in 0.5 s`. */
export function restartingMessage(ended: string, restart: number, delay: string): string {
  return `${ended}, restart ${restart} in ${delay}`;
}

/** The message of an instance that is not ready yet again: `started again after exit 3: boom`. */
export function startedAgainMessage(ended: string | undefined): string {
  return ended ? `${AGAIN} after ${ended}` : AGAIN;
}

/**
 * What the message of an instance says of why it was restarted, without its exit code: `boom` of the two above. Other
 * messages as they are; empty where it says nothing.
 */
export function causeOfRestart(message: string): string {
  if (message === AGAIN) return '';
  const ended = message.startsWith(`${AGAIN} after `)
    ? message.slice(`${AGAIN} after `.length)
    : message.replace(/, restart \d+ in [\d.]+ \w+$/, '');
  return ended.replace(/^exit \d+(?:: |$)/, '');
}
