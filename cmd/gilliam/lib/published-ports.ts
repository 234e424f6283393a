import { UsageError } from './errors';

export interface ChosenPort {
  readonly name: string;
  readonly hostPort: number;
  readonly containerPort: number;
}

/** Ports of `8080:80` (host first, as everywhere) and `8080`, the same on both sides; throws UsageError. */
export function parsePorts(words: readonly string[]): ChosenPort[] {
  return words.map((word) => {
    const [, host, inside = host] = /^(\d{1,5})(?::(\d{1,5}))?$/.exec(word) ?? [];
    const [hostPort, containerPort] = [Number(host), Number(inside)];
    if ([hostPort, containerPort].every((port) => port >= 1 && port <= 65_535)) {
      return { name: '', hostPort, containerPort };
    }
    throw new UsageError(`${JSON.stringify(word)} is no port: write 8080:80, the host's first`);
  });
}
