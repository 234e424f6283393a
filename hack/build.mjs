// Builds dist/: the daemons, the CLI and the descriptor set; generates pkg/gen before, when the contract has changed.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { buildTranslation } from './build-translation.mjs';
import { bundle, replace, root } from './bundle.mjs';

function buf(...args) {
  execFileSync(join(root, 'node_modules/.bin/buf'), args, { cwd: root, stdio: 'inherit' });
}

function contractHash() {
  const hash = createHash('sha256');
  const protos = readdirSync(join(root, 'proto'), { recursive: true }).filter((name) =>
    name.endsWith('.proto'),
  );
  const files = ['buf.yaml', 'buf.gen.yaml', ...protos.sort().map((name) => join('proto', name))];
  for (const file of files)
    hash
      .update(file)
      .update('\0')
      .update(readFileSync(join(root, file)));
  for (const tool of ['@bufbuild/buf', 'ts-proto', 'google-proto-files']) {
    hash.update(readFileSync(join(root, 'node_modules', tool, 'package.json')));
  }
  return hash.digest('hex');
}

function generate() {
  const stamp = join(root, 'pkg/gen/.contract');
  const hash = contractHash();
  const descriptors = join(root, 'dist/gilliam.binpb');
  const stampedWith = existsSync(stamp) ? readFileSync(stamp, 'utf8') : '';
  if (stampedWith === hash && existsSync(descriptors)) return;
  console.log('build: the contract changed: pkg/gen, dist/gilliam.binpb');
  if (stampedWith !== hash) buf('generate');
  mkdirSync(dirname(descriptors), { recursive: true });
  buf('build', '--output', descriptors);
  writeFileSync(stamp, hash);
}

/** cmd/<daemon>/main.ts → dist/cmd/<daemon>.js. Packages stay in node_modules: etcd3 and dockerode read files there. */
async function daemons() {
  const names = readdirSync(join(root, 'cmd'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(root, 'cmd', entry.name, 'main.ts')))
    .map((entry) => entry.name)
    .filter((name) => name !== 'gilliam' && name !== 'autoscaler');
  await bundle({
    entryPoints: Object.fromEntries(names.map((name) => [name, join('cmd', name, 'main.ts')])),
    outdir: join(root, 'dist/cmd'),
    packages: 'external',
  });
  return names;
}

/** A program that is deployed as a formation: it has nothing but itself, hence all packages inside. */
async function autoscaler() {
  await bundle({
    entryPoints: { autoscaler: join('cmd', 'autoscaler', 'main.ts') },
    outdir: join(root, 'dist/autoscaler'),
    sourcemap: false,
  });
  for (const name of ['Procfile', 'package.json', 'deploy']) {
    replace(join(root, 'dist/autoscaler', name), readFileSync(join(root, 'examples/autoscaler', name)));
  }
}

const started = performance.now();
generate();
const names = await daemons();
await autoscaler();
buildTranslation(join(root, 'dist/translate.bpf.o'));
const { buildCli } = await import('./build-cli.mjs');
await buildCli();
console.log(`build: ${names.join(', ')}, gilliam in ${Math.round(performance.now() - started)} ms`);
