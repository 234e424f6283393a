// Runs every check and every test, and ends with one line for machines: `N passed, N failed`.
//   node hack/test.mjs [jest arguments …]
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startLast } from './start-last.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const results = join(root, 'node_modules/.cache/test-results');
rmSync(results, { recursive: true, force: true });
mkdirSync(results, { recursive: true });

const total = { passed: 0, failed: 0 };
// Checks need a processor, and nothing else: they have what tests leave, which wait for most of their time.
const checks = startLast(join(root, 'hack/verify.sh'), root);
// Where stages and builders find it already, none of them waits a minute for it. Those that miss it say so.
const baseImage = run('hack/base-image.sh', []);
// Unit tests share nothing. The others start etcd, containers and whole stages, each with names, ports and rules of its
// own: they wait more than they work, so two at a time.
const sequencer = join(root, 'hack/test-sequencer.cjs');
// Promises of so many seconds, which are kept on a machine that has nothing else to do.
const alone = String.raw`/(e2e/resilience|virtualip/guard\.contract)\.test\.ts$`;
await jest('unit', ['unit'], ['--maxWorkers=2']);
const together = ['--testPathIgnorePatterns', alone, '--testSequencer', sequencer, '--maxWorkers=2'];
await baseImage;
await jest('contract and e2e', ['contract', 'e2e'], together);
const { status, output } = await checks;
console.log(`\n${output.trimEnd()}`);
// A verify-*.sh counts as one test each: hack/verify.sh exits with the number of those that failed.
total.failed += status;
await jest('alone', ['contract', 'e2e'], ['--testPathIgnorePatterns', `^(?!.*${alone})`, '--runInBand']);
console.log(`\n${total.passed} passed, ${total.failed} failed`);
process.exit(total.failed === 0 ? 0 : 1);

async function jest(name, projects, options) {
  const file = join(results, `${name.replaceAll(' ', '-')}.json`);
  console.log(`\ntests: ${name}`);
  const args = [
    '--selectProjects',
    ...projects,
    ...options,
    '--passWithNoTests',
    '--json',
    '--outputFile',
    file,
  ];
  const status = await run('node_modules/.bin/jest', [...args, ...process.argv.slice(2)]);
  const result = read(file);
  total.passed += result.numPassedTests;
  const failed = result.numFailedTests + result.numRuntimeErrorTestSuites;
  // Whatever else makes jest fail is a failure as well.
  total.failed += failed === 0 && status !== 0 ? 1 : failed;
}

function read(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return { numPassedTests: 0, numFailedTests: 0, numRuntimeErrorTestSuites: 1 };
  }
}

function run(command, args) {
  return new Promise((resolve, reject) => {
    // jest prints its report on stderr, and with --json the results on stdout unless they go to a file.
    const child = spawn(join(root, command), args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
    child.once('error', reject).once('close', (code) => resolve(code ?? 1));
  });
}
