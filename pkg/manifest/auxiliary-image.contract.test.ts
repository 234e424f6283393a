import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { auxiliaryImages } from './auxiliary-image';
import { typeCatalog } from './type-catalog';
import type { ServiceType } from './type-schema';

/** The step that installs Debian's packages, as the base image's own apt and shell take it, without any network. */
jest.setTimeout(180_000);

const run = promisify(execFile);
const baseImage = 'gilliam/base:bookworm';
const redis = typeCatalog().get('redis') as ServiceType;

/** The step as the shell gets it, without what waits for an outage to pass, where `retries` says so. */
function stepOf(version: string, retries?: number): string {
  const tree = auxiliaryImages(redis, version).at(-1);
  const [, step = ''] = /^RUN ((?:.*\\\n)*.*)$/m.exec(tree?.files.get('Dockerfile') ?? '') ?? [];
  const script = step.replaceAll('\\\n', '');
  if (retries === undefined) return script;
  expect(script).toMatch(/Acquire::Retries=\d/);
  return script.replaceAll(/Acquire::Retries=\d/g, `Acquire::Retries=${retries}`);
}

/** Runs a step after what sets the scene; how it ended, and what it said. */
async function ran(step: string, scene = ''): Promise<{ code: number; said: string }> {
  const container = ['run', '--rm', '--network', 'none', baseImage];
  try {
    const { stderr } = await run('docker', [...container, '/bin/sh', '-c', `${scene}\n${step}`]);
    return { code: 0, said: stderr };
  } catch (error) {
    const { code, stderr } = error as { code: number; stderr: string };
    return { code, said: stderr };
  }
}

const lastLine = (text: string) => text.trimEnd().split('\n').at(-1);

/** Debian, of these packages alone, which are not there themselves. */
function debianOf(...packages: readonly { name: string; version: string; depends?: string }[]): string {
  const entries = packages.map(({ name, version, depends }) =>
    [
      ...[`Package: ${name}`, `Version: ${version}`, 'Architecture: all', `Filename: ./${name}.deb`],
      ...[
        'Size: 9',
        `SHA256: ${'0'.repeat(64)}`,
        ...(depends === undefined ? [] : [`Depends: ${depends}`]),
        '',
      ],
    ].join('\n'),
  );
  return `mkdir /debian && cat > /debian/Packages <<END\n${entries.join('\n')}\nEND`;
}

const version = '5:7.0.15-1~deb12u1';
const ordinary = debianOf({ name: 'redis-server', version }, { name: 'redis-tools', version });
const fromFiles = "echo 'deb [trusted=yes] file:/debian ./' > /etc/apt/sources.list";

/** The ordinary one behind a server that is overloaded for so many requests first. */
const behindServer = (refusals: number) => `${ordinary}
echo 'deb [trusted=yes] http://127.0.0.1:8000 ./' > /etc/apt/sources.list
node -e '
const { createServer } = require("node:http");
const { createReadStream, existsSync } = require("node:fs");
let refusals = ${refusals};
createServer((request, response) => {
  if (refusals-- > 0) return response.writeHead(503).end();
  const path = "/debian" + request.url;
  if (existsSync(path)) return createReadStream(path).pipe(response);
  response.writeHead(404).end();
}).listen(8000, () => require("node:fs").writeFileSync("/listens", ""));
' &
until [ -e /listens ]; do :; done`;

beforeAll(async () => {
  await run(join(__dirname, '../../hack/base-image.sh'), {
    env: { ...process.env, GILLIAM_BASE_IMAGE: baseImage },
  });
});

test('without a network it says what it needs, which host has not been found, and what to do', async () => {
  const { code, said } = await ran(stepOf('7', 0));
  expect(code).toBe(100);
  expect(lastLine(said)).toBe(
    'redis 7 is made of Debian packages, which cannot be fetched from deb.debian.org (Temporary failure resolving ' +
      "'deb.debian.org'): let the containers of the Docker Engine reach it (DNS, firewall, HTTP_PROXY), then try again",
  );
  expect(said).not.toContain('was asked for');
});

test('an outage of a moment is waited out', async () => {
  const { code, said } = await ran(stepOf('7.4'), behindServer(1));
  expect([code, lastLine(said)]).toEqual([1, expect.stringContaining('but Debian has 7.0.15-1~deb12u1')]);
});

test('says so as well where the lists were there, and then a package cannot be fetched', async () => {
  const { code, said } = await ran(stepOf('7', 0), behindServer(0));
  expect(code).toBe(100);
  expect(lastLine(said)).toMatch(
    /^redis 7 is made .* from 127\.0\.0\.1:8000 \(404 {2}Not Found.*\): let the/,
  );
});

test('a version that Debian does not have is refused, and says which one it has', async () => {
  const { code, said } = await ran(stepOf('7.4'), `${ordinary}\n${fromFiles}`);
  expect([code, lastLine(said)]).toEqual([
    1,
    'redis 7.4 was asked for, but Debian has 7.0.15-1~deb12u1: ask for that version, or give the Docker Engine a registry to fetch another one from',
  ]);
});

test('a base image of which nobody has the package says so', async () => {
  const { code, said } = await ran(stepOf('7'), `${debianOf({ name: 'other', version })}\n${fromFiles}`);
  expect([code, lastLine(said)]).toEqual([
    1,
    'redis is made of the package redis-server, which is not in what the base image installs from: use a base image of Debian, or give the Docker Engine a registry to fetch another one from',
  ]);
});

test('what is at fault with the packages themselves is said in the words of apt', async () => {
  const broken = debianOf(
    { name: 'redis-server', version, depends: 'nothing' },
    { name: 'redis-tools', version },
  );
  const { code, said } = await ran(stepOf('7'), `${broken}\n${fromFiles}`);
  expect(code).toBe(100);
  expect(said).toMatch(/^E: .*broken packages/m);
  expect(said).not.toContain('cannot be fetched');
});
