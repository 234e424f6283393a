import { deadline } from '../../base/clock';
import { howItEnded, restartingMessage } from '../../resource/restart-message';
import type { Container } from '../driver';
import { lastLine } from '../last-line';
import { formatDelay, judgeExit } from '../restart-policy';
import type { Situation } from '../situation';
import type { StatusPatch } from '../status';

const lastLineLimitMs = 1_000;

/** Decides what an exit means: a restart, or that it is hopeless. */
export async function judge(situation: Situation, container: Container, signal: AbortSignal): Promise<void> {
  const { attendant, setbacks, keeper } = situation;
  const exitCode = container.exitCode ?? 0;
  if (situation.once) return judgeOnce(situation, container, signal);
  const verdict = judgeExit({
    exitCode,
    upMs: (container.finishedMs ?? 0) - (container.startedMs ?? 0),
    proven: attendant.proven,
    previous: setbacks.exits,
  });
  const how = container.outOfMemory ? 'out of memory' : `exit ${exitCode}`;
  situation.judged = true;
  if (verdict.kind === 'restart') {
    setbacks.exited(verdict.delayMs, verdict.row);
    restartIn(situation, verdict.delayMs, how, { exitCode });
  }
  // The back-off is running meanwhile.
  const said = await lastWords(situation, container, signal);
  const told = said ? `${how}: ${said}` : how;
  if (verdict.kind === 'restart') restartIn(situation, verdict.delayMs, howItEnded(how, said), { exitCode });
  if (verdict.kind === 'bad-command') situation.fail('BadCommand', told, { exitCode });
  else keeper.warn('Exited', told);
}

/** An instance that runs once has done so. */
async function judgeOnce(situation: Situation, container: Container, signal: AbortSignal): Promise<void> {
  const { keeper, once } = situation;
  const { exitCode = 0, outOfMemory } = container;
  situation.judged = true;
  // One that was ended says why already.
  const ended = once?.over === true && keeper.status.reason !== '';
  if (once) once.over = true;
  const how = outOfMemory ? 'out of memory' : `exit ${exitCode}`;
  keeper.set({ exitCode, ready: false, ...(ended ? {} : { message: exitCode === 0 ? '' : how }) });
  // Whoever was attached has seen for themselves.
  if (exitCode === 0 || ended || keeper.identity.oneOff?.attached) return;
  const said = await lastWords(situation, container, signal);
  const told = said ? `${how}: ${said}` : how;
  keeper.set({ message: told });
  keeper.warn('Exited', told);
}

/** Says that it starts again, why and when. */
export function restartIn(situation: Situation, delayMs: number, why: string, patch: StatusPatch): void {
  const { keeper } = situation;
  situation.ended = why;
  const message = restartingMessage(why, keeper.status.restarts + 1, formatDelay(delayMs));
  keeper.set({ ...patch, ready: false, reason: 'Restarting', message });
}

async function lastWords(
  { context }: Situation,
  container: Container,
  signal: AbortSignal,
): Promise<string | undefined> {
  const limit = deadline(context.clock, lastLineLimitMs, signal);
  try {
    return await lastLine(context.driver, container.id, limit.signal);
  } finally {
    limit.dispose();
  }
}
