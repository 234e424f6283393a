import { messageOf } from '../../base/errors';
import {
  BadCommand,
  ContainerGone,
  DriverError,
  EngineFault,
  EngineUnavailable,
  ImageMissing,
  PortTaken,
  PullFailed,
  SpecRefused,
  VolumeInUse,
} from '../driver-errors';

/** What was asked of the engine: the same status means different things for different calls. */
export type Verb =
  'info' | 'list' | 'inspect' | 'pull' | 'create' | 'start' | 'stop' | 'remove' | 'volume' | 'logs' | 'exec';

interface EngineAnswer {
  readonly statusCode?: number;
  readonly json?: unknown;
}

/** The HTTP status of an engine's refusal; undefined when it did not answer at all. */
export function statusOf(error: unknown): number | undefined {
  return (error as EngineAnswer | undefined)?.statusCode;
}

/** What the engine's error asks the caller to do. */
export function driverError(verb: Verb, error: unknown): DriverError {
  if (error instanceof DriverError) return error;
  const options = { cause: error };
  const said = saying(error);
  switch (statusOf(error)) {
    case undefined:
      return new EngineUnavailable(
        `the Docker Engine does not answer: ${said} (start it, for instance with systemctl start docker)`,
        options,
      );
    case 404:
      if (verb === 'create' || verb === 'pull') return new ImageMissing(imageMissing(said), options);
      return new ContainerGone(said, options);
    case 400:
      return cannotExecute(said) ? new BadCommand(command(said), options) : new SpecRefused(said, options);
    case 409:
      if (verb === 'create' || verb === 'start') return new EngineFault(said, options);
      if (verb === 'volume') return new VolumeInUse(said, options);
      return new ContainerGone(said, options);
    default:
      return serverError(verb, said, options);
  }
}

function serverError(verb: Verb, said: string, options: ErrorOptions): DriverError {
  if (verb === 'pull') {
    const missing = /manifest unknown|not found|repository .* does not exist/i.test(said);
    return missing ? new ImageMissing(imageMissing(said), options) : new PullFailed(said, options);
  }
  if (/port is already allocated|address already in use/.test(said)) {
    const port = /:(\d+)(?: failed)?: (?:port is already|bind: address already)/.exec(said)?.[1];
    return new PortTaken(
      port ? `host port ${port} is taken by something else` : 'a host port is taken by something else',
      port ? Number(port) : undefined,
      options,
    );
  }
  if (cannotExecute(said)) return new BadCommand(command(said), options);
  return new EngineFault(said, options);
}

function cannotExecute(said: string): boolean {
  return /executable file not found|exec: ".*": (stat|permission denied|no such file)|exec format error|is a directory/.test(
    said,
  );
}

/** Of the engine's chain of causes, the part that is about the command. */
function command(said: string): string {
  return /exec: .*?(?=: unknown|$)/.exec(said)?.[0] ?? said;
}

function imageMissing(said: string): string {
  const image = /No such image: (\S+)/i.exec(said)?.[1];
  return image ? `the image ${image} is not on this executor: gilliam deploy makes a new one` : said;
}

function saying(error: unknown): string {
  const json = (error as EngineAnswer | undefined)?.json as { message?: unknown } | null | undefined;
  return typeof json?.message === 'string' ? json.message.trim() : messageOf(error);
}
