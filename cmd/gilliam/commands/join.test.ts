import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type StageConfig, writeConfig } from '../../../pkg/stage/config';
import { formatInvitation, type Invitation, parseInvitation } from '../../../pkg/stage/invitation';
import { pathsIn } from '../../../pkg/stage/paths';
import { portsOfBlock } from '../../../pkg/stage/ports';
import { writePrivateFile } from '../../../pkg/stage/private-file';
import { CliHarness, FakeInput } from '../testing/cli-harness';

const token = 'e'.repeat(43);
const config: StageConfig = {
  ...{ layout: 3, role: 'stage', stage: 'prod', id: '1f2e3d4c', ports: portsOfBlock(4410) },
  ...{ hostPortBase: 10_000, executor: { name: 'one', host: 'one' }, etcdBinary: 'etcd' },
  ...{ engine: { owner: 'other' }, baseImage: 'base', address: '10.0.0.1' },
};
const api = '10.0.0.1:4410';
const invitation: Invitation = {
  // Nobody listens there.
  ...{ stage: 'prod', id: '1f2e3d4c', api: '127.0.0.1:1', ca: 'PEM', token },
  ...{ baseImage: 'base', version: '0.0.0' },
};

let cli: CliHarness;
let data: string;
beforeEach(async () => {
  cli = await CliHarness.start();
  data = join(cli.directory, 'data');
});
afterEach(() => cli.close());

const gilliam = (line: string, stdin = '') =>
  cli.gilliam(line, { env: { GILLIAM_DATA: data }, stdin: new FakeInput([stdin]) });

function known(change: Partial<StageConfig> = {}): void {
  const paths = pathsIn(join(data, 'prod'), 'prod');
  writeConfig(paths.config, { ...config, ...change });
  writePrivateFile(paths.executorToken, `${token}\n`);
  writePrivateFile(paths.tls.ca, 'PEM');
}

describe('executor invite', () => {
  test('prints one line on stdout, and on stderr that it is a secret', async () => {
    known();
    const { code, stdout, stderr } = await gilliam('executor invite --stage prod');
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: 'whoever has this invitation can run an executor of stage prod: keep it as a password\n',
    });
    expect(stdout.trim().split('\n')).toHaveLength(1);
    expect(parseInvitation(stdout)).toEqual({ ...invitation, api });
  });

  test('prints JSON, which join takes, too', async () => {
    known();
    const { stdout } = await gilliam('executor invite --stage prod --json');
    expect(JSON.parse(stdout)).toMatchObject({ stage: 'prod', api });
    expect(parseInvitation(stdout)).toEqual({ ...invitation, api });
  });

  test.each<[string, (() => void) | undefined, RegExp]>([
    ['where the stage is not', undefined, /^error: stage "prod" is not at home on this machine .*gilliam up/],
    [
      'of a stage of one machine',
      () => known({ address: undefined }),
      /is of one machine: .*"gilliam up --address HOST"/,
    ],
    [
      'on a machine that has joined',
      () => known({ role: 'executor', api: '10.0.0.1:4410' }),
      /may not invite others: invite from its home, the machine at 10\.0\.0\.1:4410/,
    ],
  ])('is refused %s', async (_, prepare, message) => {
    prepare?.();
    const { code, stdout, stderr } = await gilliam('executor invite --stage prod');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(message);
  });
});

describe('join', () => {
  test.each<[string, string, number, RegExp]>([
    ['without an invitation', 'join', 2, /INVITATION is missing/],
    [
      'with a file that is not there',
      'join /nope',
      1,
      /^error: \/nope cannot be read: there is no such file: give the file .*"gilliam executor invite" prints/,
    ],
    ['with a directory', 'join .', 1, /^error: \. cannot be read: it is a directory: give the file/],
    ['with an empty file', 'join /dev/null', 1, /^error: the invitation is empty: /],
    ['with a file without end', 'join /dev/zero', 1, /^error: \/dev\/zero is over the limit of 64 KiB: give/],
    ['with something else', 'join - <hello', 1, /that is no invitation/],
    ['with another stage', 'join - --stage test <', 2, /is to stage "prod", not "test": leave --stage out/],
    ['with another version', 'join - <0.9.0', 1, /runs Gilliam 0\.9\.0, and this is 0\.0\.0/],
  ])('%s is refused, and nothing is left of it', async (_, line, code, message) => {
    const [words = '', input] = line.split(/ ?</);
    const version = /^\d/.test(input ?? '') ? (input as string) : invitation.version;
    const stdin = input === 'hello' ? input : formatInvitation({ ...invitation, version });
    const outcome = await gilliam(words, stdin);
    expect(outcome).toMatchObject({ code, stdout: '' });
    expect(outcome.stderr).toMatch(message);
    expect(existsSync(data)).toBe(false);
  });

  test('on the home of the stage itself is refused', async () => {
    known();
    const outcome = await gilliam('join -', formatInvitation(invitation));
    expect(outcome.stderr).toMatch(/is the home of a stage prod itself: join from another machine/);
  });
});

test('a machine that has joined says so to people who want to work there', async () => {
  known({ role: 'executor', api: '10.0.0.1:4410' });
  expect((await gilliam('executors --stage prod')).stderr).toMatch(
    /^error: this machine is an executor of stage "prod", and has no token for people: .*prod\.json here\n$/,
  );
});
