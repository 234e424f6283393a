import { readFile } from 'node:fs/promises';
import type { Duplex } from 'node:stream';
import type Docker from 'dockerode';
import type { Clock } from '../../base/clock';
import { sleep } from '../../base/clock';
import { UnavailableError } from '../../base/errors';
import type { CommandTerminal, PrintedPiece, WindowSize } from '../terminal/command-terminal';
import { isBeginning, unrunnable, type Unrunnable } from '../terminal/unrunnable';
import { statusOf } from './docker-errors';
import { chunksOf } from './streams';

const headerBytes = 8;
/** Between two looks whether a command that has printed all has ended, too. */
const exitPollMs = 10;
/** How long the engine may take until it knows the process of a command that runs. */
const beginMs = 10_000;

/** What is done to a command otherwise than by its streams. */
export interface CommandControl {
  resize(size: WindowSize): Promise<unknown>;
  signal(name: string): Promise<unknown>;
  exit(signal: AbortSignal): Promise<number>;
}

/** A connection that the engine has given up to a command's streams. */
export function dockerTerminal(stream: Duplex, tty: boolean, control: CommandControl): CommandTerminal {
  const ended = new AbortController();
  // A command that has ended takes no input any more: that is no failure.
  stream.on('error', () => {});
  const chunks = chunksOf(stream, ended.signal);
  return {
    output: tty ? asOutput(chunks) : demuxed(chunks),
    write: (bytes) =>
      new Promise((resolve) => {
        if (stream.writableEnded || stream.destroyed) return resolve();
        if (stream.write(bytes)) return resolve();
        const done = () => {
          stream.off('drain', done);
          stream.off('close', done);
          resolve();
        };
        stream.once('drain', done);
        stream.once('close', done);
      }),
    end: () => void stream.end(),
    resize: async (size) => void (await control.resize(size)),
    signal: async (name) => void (await control.signal(name)),
    exit: (signal) => control.exit(signal),
    close: () => {
      ended.abort();
      stream.destroy();
    },
  };
}

async function* asOutput(chunks: AsyncIterable<Buffer>): AsyncGenerator<PrintedPiece> {
  for await (const bytes of chunks) yield { stream: 'stdout', bytes };
}

/** Takes the engine's frames apart as they come: a frame need not be here to its end. */
export async function* demuxed(chunks: AsyncIterable<Buffer>): AsyncGenerator<PrintedPiece> {
  let header: Buffer = Buffer.alloc(0);
  let left = 0;
  let stream: PrintedPiece['stream'] = 'stdout';
  for await (const chunk of chunks) {
    let at = 0;
    while (at < chunk.length) {
      if (left === 0) {
        const piece = chunk.subarray(at, at + headerBytes - header.length);
        header = Buffer.concat([header, piece]);
        at += piece.length;
        if (header.length < headerBytes) break;
        stream = header[0] === 2 ? 'stderr' : 'stdout';
        left = header.readUInt32BE(4);
        header = Buffer.alloc(0);
        continue;
      }
      const bytes = chunk.subarray(at, at + left);
      at += bytes.length;
      left -= bytes.length;
      yield { stream, bytes };
    }
  }
}

/** The container's own command. */
export function containerControl(container: Docker.Container): CommandControl {
  return {
    resize: ({ columns, rows }) => unlessEnded(container.resize({ w: columns, h: rows })),
    signal: (name) => unlessEnded(container.kill({ signal: name })),
    async exit(signal) {
      const { StatusCode } = (await container.wait({ abortSignal: signal })) as { StatusCode: number };
      return StatusCode;
    },
  };
}

/** A command beside the container's own, whose process is one of this machine's. */
export function execControl(exec: Docker.Exec, clock: Clock): CommandControl {
  return {
    resize: ({ columns, rows }) => unlessEnded(exec.resize({ w: columns, h: rows })),
    // The engine has no call for it. The process leads a group of its own: what it has started goes with it.
    async signal(name) {
      const { Running, Pid, ContainerID } = await begun(exec, clock);
      if (!Running || !(await isOf(Pid, ContainerID))) return;
      try {
        process.kill(-Pid, name);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    },
    async exit(signal) {
      for (;;) {
        const { Running, ExitCode } = await exec.inspect({ abortSignal: signal });
        if (!Running) return ExitCode ?? -1;
        await sleep(clock, exitPollMs, signal);
      }
    },
  };
}

/** What the engine says of a command once it knows its process: what that prints may be here before. */
async function begun(exec: Docker.Exec, clock: Clock): Promise<Docker.ExecInspectInfo> {
  const endMs = clock.monotonic() + beginMs;
  for (;;) {
    const info = await exec.inspect();
    if (!info.Running || info.Pid > 1) return info;
    if (clock.monotonic() > endMs) {
      throw new UnavailableError(`the engine has not begun the command within ${beginMs / 1000} s`);
    }
    await sleep(clock, exitPollMs);
  }
}

/** Whether the process is the container's: by its number alone it may be any, where the engine sees others than we do. */
async function isOf(pid: number, containerId: string): Promise<boolean> {
  const groups = await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => '');
  return containerId !== '' && groups.includes(containerId);
}

/** How much of what is printed first may say that the command could not be begun. */
const firstBytes = 4096;

/**
 * A command that cannot be begun is told of by those who were to begin it, in words about their own parts: whoever knows a
 * shell expects 127 for one that does not exist, 126 for one that is no program, and its name. `command`: what was to be
 * begun, where that is known.
 */
export function asShell(terminal: CommandTerminal, command?: string): CommandTerminal {
  let found: Unrunnable | undefined;
  const told = (piece: PrintedPiece): PrintedPiece => {
    found = unrunnable(textOf(piece), command);
    return found ? retold(piece, found) : piece;
  };
  async function* output(): AsyncGenerator<PrintedPiece> {
    let held: PrintedPiece | undefined;
    let decided = false;
    for await (const piece of terminal.output) {
      if (decided) {
        yield piece;
        continue;
      }
      held = held ? { ...held, bytes: Buffer.concat([held.bytes, piece.bytes]) } : piece;
      decided = !isBeginning(textOf(held));
      if (decided) yield told(held);
    }
    if (held && !decided) yield told(held);
  }
  return {
    ...terminal,
    output: output(),
    async exit(signal) {
      const code = await terminal.exit(signal);
      return code === 0 ? 0 : (found?.code ?? code);
    },
  };
}

function textOf({ bytes }: PrintedPiece): string {
  return Buffer.from(bytes.subarray(0, firstBytes)).toString('utf8');
}

function retold({ stream, bytes }: PrintedPiece, { line, characters }: Unrunnable): PrintedPiece {
  const rest = Buffer.from(bytes).toString('utf8').slice(characters);
  return { stream, bytes: Buffer.from(`gilliam: ${line}${rest}`) };
}

/** What has ended, or not begun, has no size and takes no signals. */
async function unlessEnded(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (![404, 409, 500].includes(statusOf(error) ?? 0)) throw error;
  }
}
