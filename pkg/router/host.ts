import { readFileSync } from 'node:fs';

/** How many files a process started from here may have open. */
export function openFilesLimit(): number {
  const [, hard] = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
  return hard === 'unlimited' || hard === undefined ? 1_000_000 : Number(hard);
}

/** As whom workers serve: root has rights to give up, and HAProxy needs none once it listens. */
export function unprivileged(): { readonly user?: string; readonly group?: string } {
  if (process.getuid?.() !== 0) return {};
  const named = (file: string, name: string) =>
    readFileSync(file, 'utf8')
      .split('\n')
      .some((line) => line.startsWith(`${name}:`));
  const group = ['nogroup', 'nobody'].find((name) => named('/etc/group', name));
  return named('/etc/passwd', 'nobody') && group !== undefined ? { user: 'nobody', group } : {};
}
