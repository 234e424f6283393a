import { InstanceState } from '../../pkg/gen/gilliam/v1/instance';
import { removeTinyImage, tinyImage } from '../../pkg/testing/tiny-image';
import { HostsHarness } from './hosts';

jest.setTimeout(180_000);

/** An app that runs without anything but this machine's own sleep; `content` makes its image another one. */
const files = (base: string, content: string) => ({
  Dockerfile: `FROM ${base}\nCOPY content /content\n`,
  Procfile: 'sleeper: exec /bin/sleep 3600\n',
  content,
});

describe('two hosts whose engines have no images', () => {
  let hosts: HostsHarness;
  let base: string;

  beforeAll(async () => {
    base = await tinyImage();
    hosts = await HostsHarness.start({ daemons: ['network', 'executor'], images: true });
  });
  afterAll(async () => {
    await hosts?.stop();
    await removeTinyImage();
  });

  const imageOf = async (cwd: string) => {
    const releases = await hosts.json<{ spec: { image: string } }[]>(['releases'], { cwd });
    return releases.at(0)?.spec.image ?? '';
  };

  test('run what was deployed, with nothing done to them', async () => {
    const cwd = await hosts.app('everywhere', files(base, 'first'));
    await hosts.succeed(['create', 'everywhere'], { cwd });
    const { stdout } = await hosts.succeed(['deploy'], { cwd });
    expect(stdout).not.toContain('warning');
    await hosts.succeed(['scale', 'sleeper=4', '--wait'], { cwd });
    const image = await imageOf(cwd);
    for (const host of hosts.hosts) {
      expect(await host.containers('sleeper')).not.toEqual([]);
      const names = await host.docker('inspect', '--format', '{{.RepoTags}} {{.RepoDigests}}', image);
      // Kept under one name of the stage; none of the way that it came.
      expect(names.trim()).toBe(`[gilliam/${hosts.stage}/fetched:${image.slice(7, 19)}] []`);
    }
  });

  test('wait for a registry that is away, say so, and run when it is back', async () => {
    await hosts.setImages(false);
    const cwd = await hosts.app('later', files(base, 'second'));
    await hosts.succeed(['create', 'later'], { cwd });
    const { stdout } = await hosts.succeed(['deploy'], { cwd });
    expect(stdout).toContain('warning: other machines cannot have this image yet');
    await hosts.succeed(['scale', 'sleeper=1'], { cwd });
    const statusOf = async () => {
      const { instances } = await hosts.client.instances.listInstances({ parent: 'formations/later' });
      return instances[0]?.status;
    };
    await hosts.until('it says why it does not run', async () => (await statusOf())?.reason === 'PullFailed');
    expect(await statusOf()).toMatchObject({
      state: InstanceState.PULLING,
      message: expect.stringMatching(
        /^image sha256:[0-9a-f]{12} cannot be fetched: the image registry at unix:.* does not answer: .*; retrying in /,
      ) as string,
    });
    await hosts.setImages(true);
    // Only the control plane's engine has it: it is brought to the registry when it is asked for.
    await hosts.until('it runs', async () => (await statusOf())?.state === InstanceState.RUNNING, 60_000);
  });
});
