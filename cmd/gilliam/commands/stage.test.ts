import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StageConfig } from '../../../pkg/stage/config';
import { portsOfBlock } from '../../../pkg/stage/ports';
import { CliHarness } from '../testing/cli-harness';

let cli: CliHarness;
let data: string;
beforeEach(async () => {
  cli = await CliHarness.start();
  data = join(cli.directory, 'data');
});
afterEach(() => cli.close());

const gilliam = (line: string) => cli.gilliam(line, { env: { GILLIAM_DATA: data } });

describe('a stage that is not on this machine', () => {
  test.each<[string, string[], string]>([
    ['is to be had by up', [], 'gilliam up --stage prdo'],
    ['may be meant for another', ['prod'], 'did you mean "prod"?'],
    ['may be none of those there are', ['one', 'two'], 'there are one and two'],
  ])('%s', async (_what, stages, advice) => {
    for (const stage of stages) mkdirSync(join(data, stage), { recursive: true });
    const said = `there is no stage "prdo" on this machine: ${advice}\n`;
    expect(await gilliam('status --stage prdo')).toEqual({ code: 1, stdout: '', stderr: `error: ${said}` });
    for (const [flag, stdout] of [
      ['', 'nothing to stop\n'],
      [' --forget', 'nothing to stop\n'],
      [' --plan', 'nothing to do\n'],
      [' --json', '{"stage":"prdo","steps":[]}\n'],
    ]) {
      const expected = { code: 0, stdout, stderr: `warning: ${said}` };
      expect(await gilliam(`down --stage prdo${flag}`)).toEqual(expected);
    }
    // To look for it makes nothing of it.
    expect(existsSync(join(data, 'prdo'))).toBe(false);
  });

  test('local needs no name to come up', async () => {
    expect((await gilliam('status')).stderr).toBe(
      'error: there is no stage "local" on this machine: gilliam up\n',
    );
  });
});

describe('down, of a stage of which not all can be known', () => {
  /** A docker program of the user's own. */
  function docker(script: string): { PATH: string } {
    const bin = join(cli.directory, 'bin');
    mkdirSync(bin, { recursive: true });
    writeFileSync(join(bin, 'docker'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return { PATH: `${bin}:${process.env.PATH ?? ''}` };
  }
  const down = (flags: string, env: Record<string, string>) =>
    cli.gilliam(`down${flags}`, { env: { GILLIAM_DATA: data, ...env } });

  /** The stage's own file. */
  function remember(text: string): void {
    mkdirSync(join(data, 'local'), { recursive: true });
    writeFileSync(join(data, 'local', 'stage.json'), text);
  }
  const config: StageConfig = {
    ...{ layout: 3, role: 'stage', stage: 'local', id: 'c0ffee00', ports: portsOfBlock(4410) },
    ...{ network: undefined, hostPortBase: 10_000, executor: { name: 'one', host: 'one' } },
    ...{ etcdBinary: '/usr/bin/etcd', engine: { owner: 'other' }, baseImage: 'gilliam/base:bookworm' },
  };

  test('says that instances may be left where the engine does not answer, and is no success', async () => {
    remember(JSON.stringify(config));
    const silent = docker('echo "Cannot connect to the Docker daemon" >&2; exit 1');
    const left =
      'instances of stage local may be left, as the Docker Engine does not answer: start it, then run gilliam down again\n';
    expect(await down('', silent)).toEqual({ code: 1, stdout: '', stderr: `error: ${left}` });
    expect(await down(' --plan', silent)).toEqual({
      ...{ code: 0, stdout: 'stage local is down: nothing to do\n', stderr: `warning: ${left}` },
    });
    expect((await down(' --keep-instances', silent)).code).toBe(0);
  });

  test('says nothing of instances where there is no engine of which the stage was one', async () => {
    mkdirSync(join(data, 'local'), { recursive: true });
    const silent = docker('exit 1');
    const expected = { code: 0, stdout: 'stage local was down already\n', stderr: '' };
    expect(await down('', silent)).toMatchObject(expected);
    // Its own, which it has stopped.
    remember(JSON.stringify({ ...config, engine: { owner: 'supervisor' } }));
    expect(await down('', silent)).toMatchObject(expected);
  });

  test('says that more may be left where its own file says nothing', async () => {
    remember('');
    const { code, stderr } = await down(' --forget', docker('echo 20.10'));
    expect(code).toBe(0);
    expect(stderr).toContain('warning: nothing was known of stage local but its directory: ');
    expect(existsSync(join(data, 'local'))).toBe(false);
  });
});
