import type { Task } from './task';

/** Names that only Gilliam sets, whatever the process's environment or the release's configuration say. */
function isReserved(name: string, task: Task): boolean {
  // A process without ports is given no PORT, so that one from its configuration is its own affair.
  return name.startsWith('GILLIAM_') || (name === 'PORT' && task.process.ports.length > 0);
}

/** The environment of an instance: the process's, over it the release's configuration, over both Gilliam's own. */
export function environmentOf(task: Task, stage: string): Record<string, string> {
  const { metadata, spec } = task.instance;
  const given = Object.entries({ ...task.process.env, ...task.config });
  const port = task.process.ports[0]?.containerPort;
  return {
    ...Object.fromEntries(given.filter(([name]) => !isReserved(name, task))),
    ...(port === undefined ? {} : { PORT: String(port) }),
    GILLIAM_STAGE: stage,
    GILLIAM_FORMATION: metadata.formation,
    GILLIAM_SERVICE: spec.process,
    GILLIAM_INSTANCE: `${spec.process}.${spec.ordinal}`,
    GILLIAM_RELEASE: spec.release,
  };
}
