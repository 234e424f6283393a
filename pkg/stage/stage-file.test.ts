import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stageFilePath, stagePaths } from './paths';
import { readStageFile, writeStageFile } from './stage-file';

describe('the stage file', () => {
  let home: string;
  let env: NodeJS.ProcessEnv;

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'gilliam-test-'));
    env = { GILLIAM_HOME: home };
  });
  afterEach(() => rmSync(home, { recursive: true }));

  test('is read as it was written, by its owner only', () => {
    const file = { stage: 'prod', api: '10.0.0.1:4410', token: 'secret', ca: 'PEM' };
    const path = writeStageFile(file, env);
    expect(readStageFile('prod', env)).toEqual(file);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(home, 'stages')).mode & 0o777).toBe(0o700);
  });

  test('is written again in one step, and stays private', () => {
    const path = writeStageFile({ stage: 'prod', api: 'a:1', token: 'one' }, env);
    writeStageFile({ stage: 'prod', api: 'a:1', token: 'two' }, env);
    expect(readStageFile('prod', env).token).toBe('two');
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test('that is not there says how to have one', () => {
    expect(() => readStageFile('local', env)).toThrow('start one with "gilliam up"');
    expect(() => readStageFile('prod', env)).toThrow('gilliam up --stage prod');
  });

  test.each([
    ['not JSON', '{'],
    ['no token', '{"stage":"local","api":"a:1"}'],
    ['null', 'null'],
  ])('that is broken says so: %s', (_, text) => {
    writeStageFile({ stage: 'local', api: 'a:1', token: 't' }, env);
    writeFileSync(stageFilePath('local', env), text);
    expect(() => readStageFile('local', env)).toThrow('cannot be read');
  });

  test.each(['', 'A', '../x', 'a/b', '-a', 'a-', 'a'.repeat(41)])('no stage is called %j', (stage) => {
    expect(() => stagePaths(stage, env)).toThrow('cannot be the name of a stage');
  });
});

test.each<[string, NodeJS.ProcessEnv, number, string]>([
  ['of root', { HOME: '/root' }, 0, '/var/lib/gilliam/local'],
  ['of others', { HOME: '/home/ann' }, 1000, '/home/ann/.gilliam/data/local'],
  [
    'of others with a home elsewhere',
    { HOME: '/home/ann', GILLIAM_HOME: '/srv/g' },
    1000,
    '/srv/g/data/local',
  ],
  ['where it is asked for', { HOME: '/root', GILLIAM_DATA: '/srv/d' }, 0, '/srv/d/local'],
])('the data %s', (_, env, uid, data) => expect(stagePaths('local', env, uid).data).toBe(data));
