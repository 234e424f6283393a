import { execFile } from 'node:child_process';

/** What containers are on. */
export interface Bridge {
  readonly name: string;
  /** `02:42:ac:11:00:01` */
  readonly mac: string;
}

/** The interface that has the address; undefined where there is none, or no program `ip` that knows it. */
export async function bridgeOf(
  address: string,
  command: readonly string[] = ['ip'],
): Promise<Bridge | undefined> {
  const { ifname: name } = await ask(command, ['addr', 'show', 'to', address]);
  if (name === undefined) return undefined;
  const { address: mac } = await ask(command, ['link', 'show', 'dev', name]);
  return mac === undefined ? undefined : { name, mac };
}

interface Link {
  readonly ifname?: string;
  readonly address?: string;
}

function ask([program = 'ip', ...before]: readonly string[], args: readonly string[]): Promise<Link> {
  const env = { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` };
  return new Promise((resolve) => {
    execFile(program, [...before, '-j', ...args], { env, timeout: 5000 }, (error, text) => {
      resolve(error ? {} : linkIn(text));
    });
  });
}

function linkIn(text: string): Link {
  try {
    return (JSON.parse(text || '[]') as Link[]).find(({ ifname }) => ifname !== undefined) ?? {};
  } catch {
    return {};
  }
}
