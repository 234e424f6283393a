import type { CommandResult, RunCommand } from './command';
import { DockerCli } from './docker-cli';

/** A docker program that answers by its arguments. */
function docker(answers: Record<string, Partial<CommandResult>>) {
  const calls: string[] = [];
  const run: RunCommand = (_file, args) => {
    const call = args.join(' ');
    calls.push(call);
    const key = Object.keys(answers).find((prefix) => call.startsWith(prefix));
    return Promise.resolve({ code: 0, stdout: '', stderr: '', ...(key === undefined ? {} : answers[key]) });
  };
  return { cli: new DockerCli(run, {}), calls };
}

describe('the engine', () => {
  test.each<[string, Partial<CommandResult>, unknown]>([
    ['answers', { stdout: '20.10.24\n' }, { state: 'answers', version: '20.10.24' }],
    ['is silent', { code: 1, stderr: 'Cannot connect to the Docker daemon' }, { state: 'silent' }],
    ['denies', { code: 1, stderr: 'Got permission denied while trying' }, { state: 'denied' }],
    ['has no client', { code: 127 }, { state: 'no-client' }],
  ])('%s', async (_, answer, expected) => {
    expect(await docker({ version: answer }).cli.engine()).toEqual(expected);
  });
});

describe('bridges', () => {
  test('are those of its networks', async () => {
    const { cli, calls } = docker({
      'network ls': { stdout: 'a1\nb2\n' },
      'network inspect': { stdout: 'docker0\nbr-b2\n' },
    });
    expect(await cli.bridges()).toEqual(['docker0', 'br-b2']);
    expect(calls[1]).toMatch(/ a1 b2$/);
  });

  test('of an engine that is not up are not known', async () => {
    const { cli } = docker({ 'network ls': { code: 1, stderr: 'Cannot connect' } });
    expect(await cli.bridges()).toEqual([]);
  });

  test('that are removed meanwhile are in nobody’s way', async () => {
    const gone = { code: 1, stdout: 'docker0\n', stderr: 'Error: No such network: b2' };
    const { cli } = docker({ 'network ls': { stdout: 'a1\nb2\n' }, 'network inspect': gone });
    expect(await cli.bridges()).toEqual(['docker0']);
  });
});

describe('containers', () => {
  test('are those of the stage only', async () => {
    const { cli, calls } = docker({ ps: { stdout: 'a\nb\n' } });
    expect(await cli.containersOf('local')).toEqual(['a', 'b']);
    expect(calls[0]).toContain('label=gilliam.stage=local');
  });

  test('are stopped with their own grace, then removed', async () => {
    const { cli, calls } = docker({});
    await cli.stopAndRemove(['a']);
    expect(calls).toEqual(['stop a', 'rm --force --volumes a']);
  });

  test('that somebody else has removed meanwhile are gone', async () => {
    const gone = { code: 1, stderr: 'Error: No such container: a' };
    await docker({ stop: gone, rm: gone }).cli.stopAndRemove(['a']);
  });

  test('that stay say why', async () => {
    const { cli } = docker({ rm: { code: 1, stderr: 'device or resource busy\n' } });
    await expect(cli.stopAndRemove(['a'])).rejects.toThrow(
      'the Docker Engine refuses: device or resource busy',
    );
  });
});

describe('volumes', () => {
  test('are removed, those of the stage only', async () => {
    const { cli, calls } = docker({ 'volume ls': { stdout: 'a\nb\n' } });
    expect(await cli.removeVolumesOf('local')).toBe(2);
    expect(calls).toEqual(['volume ls --quiet --filter label=gilliam.stage=local', 'volume rm --force a b']);
  });

  test('that stay say why', async () => {
    const { cli } = docker({
      'volume ls': { stdout: 'a\n' },
      'volume rm': { code: 1, stderr: 'volume is in use\n' },
    });
    await expect(cli.removeVolumesOf('local')).rejects.toThrow('the Docker Engine refuses: volume is in use');
  });
});
