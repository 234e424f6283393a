// Runs the benchmarks one after the other: `node bench/run.mjs [name …]`. Each prints one JSON line a figure on
// standard output, and what it is doing on standard error. A figure that misses its target fails nothing: these
// programs measure.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, '..', 'node_modules', '.cache', 'bench');
const all = readdirSync(here)
  .filter((file) => file.endsWith('.ts'))
  .map((file) => basename(file, '.ts'));
const asked = process.argv.slice(2);
for (const name of asked) {
  if (all.includes(name)) continue;
  process.stderr.write(`no benchmark is called "${name}": there are ${all.join(', ')}\n`);
  process.exit(2);
}

mkdirSync(out, { recursive: true });
let failed = 0;
for (const name of asked.length > 0 ? asked : all) {
  const outfile = join(out, `${name}.cjs`);
  await build({
    entryPoints: [join(here, `${name}.ts`)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    packages: 'external',
    sourcemap: 'inline',
    logLevel: 'warning',
  });
  process.stderr.write(`--- ${name}\n`);
  const run = spawnSync(process.execPath, ['--enable-source-maps', outfile], {
    stdio: ['ignore', 'inherit', 'inherit'],
    cwd: join(here, '..'),
  });
  if (run.status !== 0) {
    process.stderr.write(`--- ${name} could not be measured\n`);
    failed++;
  }
}
process.exit(failed > 0 ? 1 : 0);
