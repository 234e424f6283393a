import { UnavailableError } from '../base/errors';
import type { CommandResult, RunCommand } from './command';

export type EngineState =
  | { readonly state: 'answers'; readonly version: string }
  | { readonly state: 'denied' | 'silent' | 'no-client' };

/** What up, down and status need of the engine, by the docker program: it knows every way to reach an engine. */
export class DockerCli {
  constructor(
    private readonly run: RunCommand,
    private readonly env: NodeJS.ProcessEnv,
  ) {}

  async engine(signal?: AbortSignal): Promise<EngineState> {
    const { code, stdout, stderr } = await this.#docker(
      ['version', '--format', '{{.Server.Version}}'],
      signal,
    );
    if (code === 0) return { state: 'answers', version: stdout.trim() };
    if (code === 127) return { state: 'no-client' };
    return { state: /permission denied/i.test(stderr) ? 'denied' : 'silent' };
  }

  async hasImage(image: string, signal?: AbortSignal): Promise<boolean> {
    return (await this.#docker(['image', 'inspect', '--format', '{{.Id}}', image], signal)).code === 0;
  }

  /** Containers of the stage with this key, running or not. */
  async containersOf(key: string, signal?: AbortSignal): Promise<string[]> {
    return this.#list(
      ['ps', '--all', '--quiet', '--no-trunc', '--filter', `label=gilliam.stage=${key}`],
      signal,
    );
  }

  /** The devices that its networks on this machine are bridges of; none where it does not answer. */
  async bridges(signal?: AbortSignal): Promise<string[]> {
    const listed = await this.#docker(['network', 'ls', '--quiet', '--filter', 'driver=bridge'], signal);
    const networks = listed.stdout.split('\n').filter((line) => line !== '');
    if (listed.code !== 0 || networks.length === 0) return [];
    const format =
      '{{with index .Options "com.docker.network.bridge.name"}}{{.}}{{else}}br-{{slice .Id 0 12}}{{end}}';
    // One may be removed meanwhile: the others are told of all the same.
    const { stdout } = await this.#docker(['network', 'inspect', '--format', format, ...networks], signal);
    return stdout.split('\n').filter((line) => line !== '');
  }

  async running(signal?: AbortSignal): Promise<string[]> {
    return this.#list(['ps', '--quiet', '--no-trunc'], signal);
  }

  /** SIGTERM, each container's own grace period, SIGKILL; then removes them. The program does many at once. */
  async stopAndRemove(containers: readonly string[], signal?: AbortSignal): Promise<void> {
    if (containers.length === 0) return;
    await this.#docker(['stop', ...containers], signal);
    const removed = await this.#docker(['rm', '--force', '--volumes', ...containers], signal);
    // Somebody else may have removed one meanwhile: gone is gone.
    const left = removed.stderr.split('\n').filter((line) => line !== '' && !/no such container/i.test(line));
    if (removed.code !== 0 && left.length > 0) throw engineError({ ...removed, stderr: left.join('\n') });
  }

  /** Takes away the names of the stage's images; what nothing else uses goes with them. */
  async removeImagesOf(key: string, signal?: AbortSignal): Promise<number> {
    const format = ['--format', '{{.Repository}}:{{.Tag}}'];
    const tags = await this.#list(
      ['image', 'ls', '--filter', `reference=gilliam/${key}/*`, ...format],
      signal,
    );
    if (tags.length > 0) await this.#docker(['image', 'rm', ...tags], signal);
    return tags.length;
  }

  /** Deletes what the stage's services keep: once no container has it. */
  async removeVolumesOf(key: string, signal?: AbortSignal): Promise<number> {
    const volumes = await this.#list(
      ['volume', 'ls', '--quiet', '--filter', `label=gilliam.stage=${key}`],
      signal,
    );
    if (volumes.length > 0) await this.#list(['volume', 'rm', '--force', ...volumes], signal);
    return volumes.length;
  }

  async #list(args: string[], signal?: AbortSignal): Promise<string[]> {
    const result = await this.#docker(args, signal);
    if (result.code !== 0) throw engineError(result);
    return result.stdout.split('\n').filter((line) => line !== '');
  }

  #docker(args: readonly string[], signal?: AbortSignal): Promise<CommandResult> {
    return this.run('docker', args, { env: this.env }, signal);
  }
}

function engineError({ stderr }: CommandResult): UnavailableError {
  return new UnavailableError(`the Docker Engine refuses: ${stderr.trim().split('\n')[0] ?? ''}`);
}
