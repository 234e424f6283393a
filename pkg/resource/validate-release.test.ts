import { InvalidError } from '../base/errors';
import type { DeepPartial, Process } from '../gen/gilliam/v1/release';
import { ReleaseSpec } from '../gen/gilliam/v1/release';
import { entryOf } from './entries';
import { precedentOf } from './precedent';
import type { ExpressionChecker } from './validate-process';
import { validateRelease } from './validate-release';
import { configNameViolation } from './validate-variables';

const checker: ExpressionChecker = {
  requirement: (text) => (text.includes('bad') ? 'column 1: is bad' : undefined),
  rank: (text) => (text.includes('bad') ? 'column 1: is bad' : undefined),
};
const IMAGE = `sha256:${'0a'.repeat(32)}`;
const MIB = 1n << 20n;

function errorOf(spec: DeepPartial<ReleaseSpec>): InvalidError | undefined {
  try {
    validateRelease(ReleaseSpec.fromPartial(spec), checker);
    return undefined;
  } catch (error) {
    if (error instanceof InvalidError) return error;
    throw error;
  }
}

function processError(process: DeepPartial<Process>): InvalidError | undefined {
  return errorOf({ image: IMAGE, processes: { web: process } });
}

function messageAndField(error: InvalidError | undefined): readonly unknown[] {
  return [error?.message, error?.violations[0]?.field];
}

describe('a release is taken', () => {
  test.each<[string, DeepPartial<ReleaseSpec>]>([
    ['with nothing but config', { config: { POOL_SIZE: '64' } }],
    ['with an image of a registry', { image: `registry.example:5000/shop/web@${IMAGE}` }],
    ['with any value', { config: { A: 'x=y\nz\r\n\t"\'\\ é 😀', B: '', _c1: '=', lower: ' ' } }],
    ['with a value as long as Linux takes', { config: { A: 'x'.repeat(128 * 1024 - 3) } }],
    ['with a process named as what objects inherit', { processes: { constructor: { command: ['a'] } } }],
    [
      'with everything',
      {
        image: IMAGE,
        message: 'first line\n\n- more',
        author: 'Ann <ann@example.com>',
        commit: 'ab'.repeat(20),
        processes: {
          web: {
            command: ['/bin/sh', '-c', 'exec server\n--port $PORT'],
            ports: [
              { name: 'http', containerPort: 8080 },
              { name: 'metrics', containerPort: 9090 },
            ],
            env: { PORT: '8080', MODE: 'x' },
            resources: { cpuMillis: 10, memoryBytes: 6n * MIB, pids: 8 },
            health: { check: { $case: 'http', value: { path: '/health?x=1', port: 9090 } }, intervalMs: 100 },
            requirements: ['tags.ssd == "true"'],
            rank: '-ncont',
            graceMs: 3_600_000,
            drainMs: 3_600_000,
          },
          worker: { health: { check: { $case: 'command', value: { command: ['true'] } } } },
        },
      },
    ],
  ])('%s', (_, spec) => {
    expect(errorOf(spec)).toBeUndefined();
  });
});

describe('config is refused', () => {
  test.each<[Record<string, string>, string, string]>([
    [
      { '1X': '' },
      'config name "1X" is not allowed: use letters, digits and _, not beginning with a digit',
      'spec.config.1X',
    ],
    [
      { 'A-B': '' },
      'config name "A-B" is not allowed: use letters, digits and _, not beginning with a digit',
      'spec.config.A-B',
    ],
    [{ '': 'x' }, 'config name is missing: write NAME=value', 'spec.config.'],
    [
      { PORT: '80' },
      'config name "PORT" is reserved: Gilliam sets it to the port where a process has to listen',
      'spec.config.PORT',
    ],
    [
      { GILLIAM_RELEASE: 'v1' },
      'config name "GILLIAM_RELEASE" is reserved: Gilliam itself sets what begins with GILLIAM_, choose another name',
      'spec.config.GILLIAM_RELEASE',
    ],
    [
      { A: 'x\0y' },
      'config A contains a NUL byte: no environment can hold it, encode the value',
      'spec.config.A',
    ],
    ...['caf\ufffd', 'half \ud83d'].map((value): [Record<string, string>, string, string] => [
      { A: value },
      'config A is not UTF-8 text: encode the value, for instance with base64',
      'spec.config.A',
    ]),
    [
      { A: 'x'.repeat(1024 ** 2) },
      'config is 1 MiB, over the limit of 256 KiB a release: keep large values in files or in a store of their own',
      'spec.config',
    ],
    [
      { A: 'é'.repeat(64 * 1024) },
      'config A is 128 KiB, over the limit of 128 KiB that Linux sets for one variable: keep it in a file',
      'spec.config.A',
    ],
    [
      { ['X'.repeat(257)]: '' },
      `config name "${'X'.repeat(63)}…" has 257 characters: the limit is 256`,
      `spec.config.${'X'.repeat(257)}`,
    ],
  ])('%#: %s', (config, message, field) => {
    expect(messageAndField(errorOf({ config }))).toEqual([message, field]);
  });

  test('for a name in which it would vanish', () => {
    expect(configNameViolation('__proto__')).toBe(
      'config name "__proto__" is not allowed: choose another name',
    );
  });

  test('with all that is wrong in one error', () => {
    const error = errorOf({ config: { '1': '', PORT: '' }, image: 'web:latest' });
    expect(error?.message).toBe(
      'config name "1" is not allowed: use letters, digits and _, not beginning with a digit (and 2 more faults: spec.config.PORT, spec.image)',
    );
    expect(error?.violations.map(({ field }) => field)).toEqual([
      'spec.config.1',
      'spec.config.PORT',
      'spec.image',
    ]);
  });
});

describe('a release is refused', () => {
  test.each<[DeepPartial<ReleaseSpec>, string, string]>([
    [
      { image: 'web:latest' },
      'image "web:latest" is not named by digest: use sha256:<64 digits> or host/name@sha256:<64 digits>',
      'spec.image',
    ],
    [
      { processes: { Web: {} } },
      'process name "Web" is not allowed: use 1 to 63 lower-case letters, digits and hyphens, beginning with a letter and not ending with a hyphen',
      'spec.processes.Web',
    ],
    [
      { processes: { _cache: {} } },
      'process name "_cache" is not allowed: a leading _ is for auxiliary services',
      'spec.processes._cache',
    ],
    [
      { processes: Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`p${index}`, {}])) },
      'the release has 101 processes: the limit is 100, split it into formations',
      'spec.processes',
    ],
    [
      { message: 'x\u001b[2Jy' },
      'message is too long or has control characters: use at most 4096 characters of text',
      'spec.message',
    ],
    [
      { author: 'a\nb' },
      'author is too long or has control characters: use at most 256 characters of text',
      'spec.author',
    ],
    [{ commit: 'HEAD' }, 'commit "HEAD" is not a git commit: use 7 to 64 hexadecimal digits', 'spec.commit'],
    [
      {
        processes: Object.fromEntries(
          Array.from({ length: 20 }, (_, index) => [`p${index}`, { command: ['x'.repeat(30_000)] }]),
        ),
      },
      'the release is 586.2 KiB, over the limit of 512 KiB: shorten commands, env or config',
      'spec',
    ],
  ])('%#: %s', (spec, message, field) => {
    expect(messageAndField(errorOf(spec))).toEqual([message, field]);
  });
});

describe('a process is refused', () => {
  const port = (containerPort: number, name = '') => ({ name, containerPort });
  test.each<[DeepPartial<Process>, string, string]>([
    [{ command: [''] }, 'command begins with an empty argument: give the program to run', 'command'],
    [{ command: ['a', 'b\0'] }, 'command contains a NUL byte: no program can be given one', 'command'],
    [{ command: Array(257).fill('a') as string[] }, 'command has 257 arguments: the limit is 256', 'command'],
    [
      { command: ['x'.repeat(32 * 1024)] },
      'command is 32 KiB, over the limit of 32 KiB: put it into a script',
      'command',
    ],
    [{ ports: [port(0)] }, 'port is 0: it must be from 1 to 65535', 'ports[0].container_port'],
    [{ ports: [port(65_536)] }, 'port is 65536: it must be from 1 to 65535', 'ports[0].container_port'],
    [
      { ports: [port(80, 'a'), port(80, 'b')] },
      'port 80 is given twice: give each port once',
      'ports[1].container_port',
    ],
    [
      { ports: [port(80, 'a'), port(81, 'a')] },
      'port name "a" is given twice: name each port differently',
      'ports[1].name',
    ],
    [
      { ports: [port(80, 'a'), port(81)] },
      'port name is missing: use 1 to 63 lower-case letters, digits and hyphens, beginning with a letter and not ending with a hyphen',
      'ports[1].name',
    ],
    [
      { ports: Array.from({ length: 17 }, (_, index) => port(index + 1, `p${index}`)) },
      'has 17 ports: the limit is 16',
      'ports',
    ],
    [
      { resources: { cpuMillis: 5 } },
      'cpu is 0.005 CPU: it must be from 0.01 CPU to 1024 CPU',
      'resources.cpu_millis',
    ],
    [
      { resources: { memoryBytes: MIB } },
      'memory is 1 MiB: it must be from 6 MiB to 64 TiB',
      'resources.memory_bytes',
    ],
    [
      { resources: { memoryBytes: -1n } },
      'memory is -1 B: it must be from 6 MiB to 64 TiB',
      'resources.memory_bytes',
    ],
    [{ resources: { pids: 2 } }, 'pids is 2: it must be from 8 to 4,194,304', 'resources.pids'],
    [{ drainMs: 3_600_001 }, 'drain time is 3,600,001 ms: it must be from 0 ms to 3,600,000 ms', 'drain_ms'],
    [
      { graceMs: 3_600_001 },
      'grace period is 3,600,001 ms: it must be from 0 ms to 3,600,000 ms',
      'grace_ms',
    ],
    [
      { env: { GILLIAM_X: '' } },
      'env name "GILLIAM_X" is reserved: Gilliam itself sets what begins with GILLIAM_, choose another name',
      'env.GILLIAM_X',
    ],
    [
      { env: { PORT: '80' }, ports: [port(8080)] },
      'env PORT is "80", but the process\'s first port is 8080: leave PORT out, Gilliam sets it',
      'env.PORT',
    ],
    [{ requirements: ['bad'] }, 'requirement "bad": column 1: is bad', 'requirements[0]'],
    [{ rank: 'bad' }, 'rank "bad": column 1: is bad', 'rank'],
    [
      { rank: 'b'.repeat(1_025) },
      `rank "${'b'.repeat(63)}…": has 1025 characters: the limit is 1024`,
      'rank',
    ],
    [
      { requirements: Array(17).fill('true') as string[] },
      'has 17 requirements: the limit is 16, join some with &&',
      'requirements',
    ],
    [{ health: {} }, 'health check says nothing to check: give http, tcp or command', 'health'],
    [
      { health: { check: { $case: 'tcp', value: { port: 0 } } } },
      'health check needs a port, and the process has none: give it a port, or check by command',
      'health.tcp.port',
    ],
    [
      { ports: [port(80)], health: { check: { $case: 'tcp', value: { port: 81 } } } },
      'health check is for port 81, which is not a port of the process: it has 80',
      'health.tcp.port',
    ],
    [
      { ports: [port(80)], health: { check: { $case: 'http', value: { path: 'health', port: 0 } } } },
      'health check path "health" is not allowed: begin with /, without spaces, at most 2048 characters',
      'health.http.path',
    ],
    [
      { ports: [port(80)], health: { check: { $case: 'http', value: { path: '/a\r\nHost: b', port: 0 } } } },
      'health check path "/a\\r\\nHost: b" is not allowed: begin with /, without spaces, at most 2048 characters',
      'health.http.path',
    ],
    [
      { health: { check: { $case: 'command', value: { command: [] } } } },
      'health check command is empty: give the program to run',
      'health.command.command',
    ],
    [
      { health: { check: { $case: 'command', value: { command: ['a'] } }, intervalMs: 50 } },
      'health check interval is 50 ms: it must be from 100 ms to 3,600,000 ms',
      'health.interval_ms',
    ],
    [
      { health: { check: { $case: 'command', value: { command: ['a'] } }, timeoutMs: 600_001 } },
      'health check timeout is 600,001 ms: it must be from 10 ms to 600,000 ms',
      'health.timeout_ms',
    ],
    [
      { health: { check: { $case: 'command', value: { command: ['a'] } }, failureThreshold: 101 } },
      'health check failure threshold is 101: it must be from 0 to 100',
      'health.failure_threshold',
    ],
  ])('%#: %s', (process, message, field) => {
    const error = processError(process);
    expect(
      error?.message.replace(/^process web:? |^env /, (prefix) => (prefix === 'env ' ? prefix : '')),
    ).toBe(message);
    expect(error?.violations[0]?.field).toBe(`spec.processes.web.${field}`);
  });
});

test('an entry is the own one, whatever its name', () => {
  expect(entryOf<unknown>({}, 'constructor')).toBeUndefined();
  expect(entryOf<unknown>({ constructor: 1 }, 'constructor')).toBe(1);
});

describe('what releases said before the rule was made', () => {
  const volume = (name: string) => ({ name, path: `/${name}` });
  const stored = ReleaseSpec.fromPartial({
    image: IMAGE,
    config: { A: 'caf\ufffd' },
    processes: { db: { env: { B: 'caf\ufffd' }, volumes: [volume('a-2-b')] } },
  });
  const precedent = precedentOf([{ spec: stored }, { spec: ReleaseSpec.fromPartial({ image: IMAGE }) }]);
  const problems = (change: DeepPartial<ReleaseSpec>) => {
    try {
      validateRelease(ReleaseSpec.fromPartial({ ...stored, ...change }), checker, 'spec', precedent);
      return [];
    } catch (error) {
      if (error instanceof InvalidError) return error.violations.map(({ description }) => description);
      throw error;
    }
  };

  test('goes on, whatever else changes', () => {
    expect(problems({})).toEqual([]);
    expect(problems({ config: { ...stored.config, NEW: '1' } })).toEqual([]);
    expect(problems({ processes: { ...stored.processes, web: { command: ['web'] } } })).toEqual([]);
  });

  test('is refused where it is new: another value, name, process or variable', () => {
    const text = 'is not UTF-8 text: encode the value, for instance with base64';
    expect(problems({ config: { A: 'th\ufffd' } })).toEqual([`config A ${text}`]);
    expect(problems({ config: { C: 'caf\ufffd' } })).toEqual([`config C ${text}`]);
    expect(problems({ processes: { web: { env: { B: 'caf\ufffd' } } } })).toEqual([`env B ${text}`]);
    const [name, ...others] = problems({ processes: { web: { volumes: [volume('a-2-b')] } } });
    expect(name).toMatch(/^process web: volume name "a-2-b" is not allowed: it may have no number/);
    expect(others).toEqual([]);
  });

  test('is not taken for what is new, even after it is gone', () => {
    const clash =
      'process db-1-a: volume name "b" is not allowed: it could be taken for "a-2-b" of db: choose another';
    const other = { 'db-1-a': { volumes: [volume('b')] } };
    expect(problems({ processes: { ...stored.processes, ...other } })).toEqual([clash]);
    expect(problems({ processes: other })).toEqual([clash]);
    expect(problems({ processes: { 'db-1-a': { volumes: [volume('c')] } } })).toEqual([]);
  });
});
