import type { BaseCommand } from './base-command';

/** A command's class, as its file exports it. */
export type CommandClass = Omit<typeof BaseCommand, 'prototype'> &
  (new (...args: ConstructorParameters<typeof BaseCommand>) => BaseCommand);

interface CommandModule {
  readonly default: unknown;
}

/* eslint-disable @typescript-eslint/no-require-imports, @typescript-eslint/consistent-type-imports --
   Each command is loaded only when it is run: that keeps the start short. */

/**
 * Every command by its words, in the order of `gilliam help`. The file of `executor cordon` is
 * commands/executor/cordon.ts.
 */
export const commands: Readonly<Record<string, () => CommandModule>> = {
  up: () => require('./commands/up') as typeof import('./commands/up'),
  down: () => require('./commands/down') as typeof import('./commands/down'),
  status: () => require('./commands/status') as typeof import('./commands/status'),
  join: () => require('./commands/join') as typeof import('./commands/join'),
  create: () => require('./commands/create') as typeof import('./commands/create'),
  apply: () => require('./commands/apply') as typeof import('./commands/apply'),
  diff: () => require('./commands/diff') as typeof import('./commands/diff'),
  schema: () => require('./commands/schema') as typeof import('./commands/schema'),
  deploy: () => require('./commands/deploy') as typeof import('./commands/deploy'),
  releases: () => require('./commands/releases') as typeof import('./commands/releases'),
  'release export': () => require('./commands/release/export') as typeof import('./commands/release/export'),
  launch: () => require('./commands/launch') as typeof import('./commands/launch'),
  config: () => require('./commands/config') as typeof import('./commands/config'),
  scale: () => require('./commands/scale') as typeof import('./commands/scale'),
  migrate: () => require('./commands/migrate') as typeof import('./commands/migrate'),
  promote: () => require('./commands/promote') as typeof import('./commands/promote'),
  abort: () => require('./commands/abort') as typeof import('./commands/abort'),
  rollback: () => require('./commands/rollback') as typeof import('./commands/rollback'),
  ps: () => require('./commands/ps') as typeof import('./commands/ps'),
  why: () => require('./commands/why') as typeof import('./commands/why'),
  run: () => require('./commands/run') as typeof import('./commands/run'),
  exec: () => require('./commands/exec') as typeof import('./commands/exec'),
  spawn: () => require('./commands/spawn') as typeof import('./commands/spawn'),
  stop: () => require('./commands/stop') as typeof import('./commands/stop'),
  restart: () => require('./commands/restart') as typeof import('./commands/restart'),
  logs: () => require('./commands/logs') as typeof import('./commands/logs'),
  events: () => require('./commands/events') as typeof import('./commands/events'),
  route: () => require('./commands/route') as typeof import('./commands/route'),
  routes: () => require('./commands/routes') as typeof import('./commands/routes'),
  resolve: () => require('./commands/resolve') as typeof import('./commands/resolve'),
  share: () => require('./commands/share') as typeof import('./commands/share'),
  unshare: () => require('./commands/unshare') as typeof import('./commands/unshare'),
  imports: () => require('./commands/imports') as typeof import('./commands/imports'),
  import: () => require('./commands/import') as typeof import('./commands/import'),
  cron: () => require('./commands/cron') as typeof import('./commands/cron'),
  'cron set': () => require('./commands/cron/set') as typeof import('./commands/cron/set'),
  'cron run': () => require('./commands/cron/run') as typeof import('./commands/cron/run'),
  'cron suspend': () => require('./commands/cron/suspend') as typeof import('./commands/cron/suspend'),
  'cron resume': () => require('./commands/cron/resume') as typeof import('./commands/cron/resume'),
  'cron delete': () => require('./commands/cron/delete') as typeof import('./commands/cron/delete'),
  'announce-token': () => require('./commands/announce-token') as typeof import('./commands/announce-token'),
  volumes: () => require('./commands/volumes') as typeof import('./commands/volumes'),
  'volumes delete': () => require('./commands/volumes/delete') as typeof import('./commands/volumes/delete'),
  destroy: () => require('./commands/destroy') as typeof import('./commands/destroy'),
  metrics: () => require('./commands/metrics') as typeof import('./commands/metrics'),
  executors: () => require('./commands/executors') as typeof import('./commands/executors'),
  'executor cordon': () =>
    require('./commands/executor/cordon') as typeof import('./commands/executor/cordon'),
  'executor uncordon': () =>
    require('./commands/executor/uncordon') as typeof import('./commands/executor/uncordon'),
  'executor drain': () => require('./commands/executor/drain') as typeof import('./commands/executor/drain'),
  'executor invite': () =>
    require('./commands/executor/invite') as typeof import('./commands/executor/invite'),
  'executor forget': () =>
    require('./commands/executor/forget') as typeof import('./commands/executor/forget'),
  version: () => require('./commands/version') as typeof import('./commands/version'),
  completion: () => require('./commands/completion') as typeof import('./commands/completion'),
  __complete: () => require('./commands/complete') as typeof import('./commands/complete'),
};
/* eslint-enable @typescript-eslint/no-require-imports, @typescript-eslint/consistent-type-imports */

/** The class of a command that is known by these words. */
export function loadCommand(words: string): CommandClass {
  const load = commands[words];
  if (!load) throw new Error(`no command "${words}"`);
  const loaded = load().default as CommandClass;
  loaded.id = words.replaceAll(' ', ':');
  return loaded;
}
