/** The processes that serve: one takes new connections, those of before a reload end theirs. */
export interface Workers {
  readonly current: number | undefined;
  readonly old: readonly number[];
}

/** Reads what the master answers to `show proc`. */
export function parseShowProc(text: string): Workers {
  let section = '';
  let current: number | undefined;
  const old: number[] = [];
  for (const line of text.split('\n')) {
    if (line.startsWith('# ')) section = line.slice(2).trim();
    const [pid, type] = line.trim().split(/\s+/);
    if (type !== 'worker' || !/^[0-9]+$/.test(pid ?? '')) continue;
    if (section === 'workers') current = Number(pid);
    else if (section === 'old workers') old.push(Number(pid));
  }
  return { current, old };
}
