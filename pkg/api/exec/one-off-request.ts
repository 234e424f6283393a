import { NotFoundError, PreconditionError } from '../../base/errors';
import type { PublishedPort } from '../../gen/gilliam/v1/instance';
import { currentRelease } from '../../resource/current-release';
import { entryOf } from '../../resource/entries';
import { imageOf } from '../../resource/instance-process';
import { quote } from '../../resource/names';
import { executors, releases, rollouts, scales, type Formation, type Release } from '../../resource/objects';
import { ROLLOUT } from '../../resource/rollout';
import { suggestion } from '../../resource/suggest';
import { checkCommand } from '../../resource/validate-command';
import { checkEnv } from '../../resource/validate-variables';
import { Violations } from '../../resource/violations';
import type { ApiContext } from '../api-context';
import { requireRelease } from '../releases';

const maxPorts = 16;

/** What is asked to run once: that of RunStart and SpawnRequest which they have in common. */
export interface OneOffRequest {
  readonly release: string;
  readonly process: string;
  readonly command: readonly string[];
  readonly executor: string;
  readonly env: Readonly<Record<string, string>>;
  readonly ports: readonly PublishedPort[];
}

/**
 * The release that is to be run, and all that is asked for checked against it. Throws InvalidError, NotFoundError with
 * what was probably meant, and PreconditionError.
 */
export async function requireRunnable(
  context: Pick<ApiContext, 'store' | 'caches'>,
  formation: Formation,
  request: OneOffRequest,
  signal: AbortSignal,
): Promise<Release> {
  const { name } = formation.metadata;
  checkRequest(request);
  const release = await releaseOf(context, formation, request.release, signal);
  const { processes } = release.spec;
  const process = request.process === '' ? undefined : entryOf(processes, request.process);
  if (request.process !== '' && !process) {
    throw new NotFoundError(
      `${release.metadata.name} of ${quote(name)} has no process ${quote(request.process)}: ${suggestion(request.process, Object.keys(processes))}`,
    );
  }
  if (imageOf(process, release) === '') {
    throw new PreconditionError(
      `${release.metadata.name} of ${quote(name)} has no image yet: gilliam deploy makes one`,
    );
  }
  checkExecutor(context, request.executor);
  return release;
}

async function releaseOf(
  context: Pick<ApiContext, 'store' | 'caches'>,
  formation: Formation,
  wanted: string,
  signal: AbortSignal,
): Promise<Release> {
  const { name, revision } = formation.metadata;
  if (wanted !== '') return requireRelease(context, { formation: name, name: wanted }, signal);
  // A release that was just made is seen, too: it has raised the formation's number.
  await context.caches.reached(revision, signal);
  const current = currentRelease(
    context.caches.of(releases).list(name),
    context.caches.of(scales).list(name),
    // A rollout that was begun just now is seen, too: a canary is not what runs.
    await context.store.get(rollouts, { formation: name, name: ROLLOUT }, signal),
  );
  if (current) return current;
  throw new PreconditionError(`${quote(name)} has no release with an image yet: gilliam deploy makes one`);
}

function checkRequest({ command, env, ports, process }: OneOffRequest): void {
  const found = new Violations();
  found.require(
    command.length > 0 || process !== '',
    'command',
    () => 'the command is missing: give the program to run and its arguments',
  );
  checkCommand(command, { what: 'the command', field: 'command', found });
  checkEnv(env, undefined, { field: 'env', found });
  found.require(ports.length <= maxPorts, 'ports', () => `${ports.length} ports: the limit is ${maxPorts}`);
  for (const [index, { containerPort, hostPort }] of ports.entries()) {
    const field = `ports[${index}]`;
    found.range(containerPort, { least: 1, most: 65_535 }, field, { what: 'the port inside', show: String });
    found.range(hostPort, { least: 1, most: 65_535 }, field, { what: 'the port of the host', show: String });
    const same = ports.slice(0, index);
    if (same.some((other) => other.hostPort === hostPort || other.containerPort === containerPort)) {
      found.add(field, `port ${hostPort}:${containerPort} is given twice: each port goes with one other`);
    }
  }
  found.throwIfAny();
}

function checkExecutor({ caches }: Pick<ApiContext, 'caches'>, name: string): void {
  if (name === '') return;
  const known = caches.of(executors).list();
  if (known.some(({ metadata }) => metadata.name === name)) return;
  const description = `there is no executor ${quote(name)}: ${suggestion(
    name,
    known.map(({ metadata }) => metadata.name),
  )}`;
  throw new NotFoundError(description);
}
