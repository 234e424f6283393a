// Builds the CLI into one file, dist/cli.js: `node hack/build-cli.mjs`, or buildCli() from hack/build.mjs.
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

/** esbuild's options. One file, because every file that is looked up costs the start of each command. */
export const cliOptions = {
  absWorkingDir: root,
  entryPoints: { cli: 'cmd/gilliam/main.ts' },
  outdir: 'dist',
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  format: 'cjs',
  // Names stay: errors and stack traces show them.
  minifyWhitespace: true,
  minifySyntax: true,
  legalComments: 'none',
  logLevel: 'warning',
  // oclif looks for these to run from TypeScript; a bundle has no need of them.
  external: ['typescript', 'ts-node', 'tsx', 'bare-fs'],
};

export async function buildCli() {
  await build(cliOptions);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await buildCli();
