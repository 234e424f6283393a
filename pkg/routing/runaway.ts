import { automatonOf, type Automaton, type Weights } from './automaton';
import { ANYTHING, NOTHING, partition } from './char-set';
import type { CharSet } from './char-set';
import { SyntaxFault } from './expression';
import type { Expression } from './expression';

// In how many ways one beginning of a text may be read. An expression that can be read in few ways only is matched in
// time proportional to the text's length, whatever the text: a backtracking matcher tries each way once.
const MAX_READINGS = 32;
/** How many different situations are looked at before an expression counts as too complex. */
const MAX_SITUATIONS = 4_000;

/**
 * Throws SyntaxFault for an expression that a backtracking matcher could take long for. Exact, not a guess: follows all
 * texts at once, counting for each position of the expression in how many ways a text leads there.
 */
export function refuseRunaway(expression: Expression): void {
  const automaton = automatonOf(expression);
  const start: Weights = new Map([[automaton.start, 1]]);
  const seen = new Set([keyOf(start)]);
  const open = [start];
  for (let situation = open.pop(); situation; situation = open.pop()) {
    for (const part of alternatives(automaton, situation)) {
      const next = step(automaton, situation, part);
      if (next.size === 0) continue;
      const key = keyOf(next);
      if (seen.has(key)) continue;
      if (seen.size >= MAX_SITUATIONS) {
        throw new SyntaxFault(
          'the expression is too complex to be sure that it cannot run away: make it simpler',
          expression.column,
        );
      }
      seen.add(key);
      open.push(next);
    }
  }
}

/** The characters that can come next, told apart only where that makes a difference here. */
function alternatives({ positions, follow }: Automaton, situation: Weights): readonly CharSet[] {
  const sets = new Set<CharSet>();
  for (const position of situation.keys()) {
    for (const to of follow[position]?.keys() ?? []) sets.add(positions[to]?.set ?? NOTHING);
  }
  return partition(sets);
}

function step(automaton: Automaton, situation: Weights, part: bigint): Weights {
  const next = new Map<number, number>();
  let readings = 0;
  for (const [position, ways] of situation) {
    for (const [to, weight] of automaton.follow[position] ?? []) {
      const target = automaton.positions[to];
      if (!target || !(target.set & part) || takesAll(automaton, to)) continue;
      readings += ways * weight;
      next.set(to, (next.get(to) ?? 0) + ways * weight);
    }
  }
  let endings = 0;
  for (const [position, ways] of next) endings += ways * (automaton.end.get(position) ?? 0);
  refuseReadings(automaton, next, Math.max(readings, endings));
  return next;
}

/** A final `.*`: once there, everything matches, and nothing else is tried. */
function takesAll({ positions, follow, end }: Automaton, position: number): boolean {
  const next = follow[position];
  return (
    positions[position]?.set === ANYTHING && end.has(position) && next?.size === 1 && next.get(position) === 1
  );
}

function refuseReadings(automaton: Automaton, situation: Weights, readings: number): void {
  if (readings > MAX_READINGS) throw runaway(automaton, situation);
}

/** Names the position that most ways lead to: the second of two repetitions that share a text. */
function runaway(automaton: Automaton, situation: Weights): SyntaxFault {
  const [worst = 0] = [...situation].sort(([, left], [, right]) => right - left)[0] ?? [];
  return new SyntaxFault(
    'this could match the same text as what is before it, in so many ways that it could run away: keep them apart by a character that one of them excludes',
    automaton.positions[worst]?.column ?? 1,
  );
}

function keyOf(situation: Weights): string {
  return [...situation]
    .sort(([left], [right]) => left - right)
    .map(([position, ways]) => `${position}:${ways}`)
    .join();
}
