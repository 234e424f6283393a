import { ELECTION } from '../../controllers/manager';
import { endOfPrefix } from '../../store/keys';
import type { MemoryServer } from '../../store/memory/memory-server';
import { electionPrefix } from '../../store/term';

/** Who leads as the store has it, whatever anybody believes: the oldest candidate. */
export function leaderName(server: MemoryServer): string | undefined {
  const prefix = electionPrefix(ELECTION);
  let first: { readonly created: bigint; readonly name: string } | undefined;
  for (const [, { created, bytes }] of server.range(prefix, endOfPrefix(prefix))) {
    const name = Buffer.from(bytes ?? []).toString();
    if (!first || created < first.created) first = { created, name };
  }
  return first?.name;
}
