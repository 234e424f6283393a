import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SystemClock } from '../../pkg/base/clock';
import { SystemRandom } from '../../pkg/base/random';
import type { Context } from './context';
import { interruption } from './lib/interruption';
import { streamInput } from './lib/stream-input';
import { flushed, streamOutput } from './lib/stream-output';
import { run } from './run';

/** The process: everything that is global to it is taken here and nowhere else. */
async function main(): Promise<void> {
  const interrupted = interruption(process);
  for (const stream of [process.stdout, process.stderr]) {
    // `gilliam logs | head`: the reader has seen enough.
    stream.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  }
  process.exitCode = await run(process.argv.slice(2), systemContext(interrupted));
  // Not for somebody who waits for the end: the reader may take nothing any more.
  if (!interrupted.aborted) await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
  process.exit();
}

function systemContext(signal: AbortSignal): Context {
  return {
    env: process.env,
    cwd: process.cwd(),
    stdin: streamInput(),
    stdout: streamOutput(process.stdout, process.env),
    stderr: streamOutput(process.stderr, process.env),
    clock: new SystemClock(),
    random: new SystemRandom(),
    version: readVersion(),
    signal,
    connect: (options) => loadClient().connect(options),
  };
}

function loadClient() {
  // Half of the start time is gRPC, and not every command needs it.
  // eslint-disable-next-line @typescript-eslint/no-require-imports, @typescript-eslint/consistent-type-imports
  return require('../../pkg/client/client') as typeof import('../../pkg/client/client');
}

// The bundle is dist/cli.js, one below package.json.
function readVersion(): string {
  const text = readFileSync(join(__dirname, '..', 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

void main();
