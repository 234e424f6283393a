import type Docker from 'dockerode';

interface InfoAnswer {
  readonly ServerVersion: string;
  readonly NCPU: number;
  readonly MemTotal: number;
}

/** The types do not know that the call can be aborted. */
export function infoOf(docker: Docker, abortSignal: AbortSignal): Promise<InfoAnswer> {
  const info = docker.info.bind(docker) as unknown as (options: {
    abortSignal: AbortSignal;
  }) => Promise<InfoAnswer>;
  return info({ abortSignal });
}
