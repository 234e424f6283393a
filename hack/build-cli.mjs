// Builds the CLI into one file, dist/cli.js: `node hack/build-cli.mjs`, or buildCli() from hack/build.mjs.
import { writeFile } from 'node:fs/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

// What oclif and grpc-js load at each start and the CLI never reaches: searching plugins and commands on the disk,
// printing errors and their help (run.ts does that), tracing, reading .proto files.
const unreached = [
  { path: /^(tinyglobby|minimatch|lilconfig|@grpc\/proto-loader)$/, importer: /./ },
  { path: /^\.\.\/help\/index$/, importer: /@oclif\/core\/lib\/errors\/handle\.js$/ },
  { path: /^\.\/help$/, importer: /@oclif\/core\/lib\/flags\.js$/ },
  { path: /^debug$/, importer: /@oclif\/core\/lib\/logger\.js$/ },
];

/** Puts a module in their place that does nothing, whatever is called. */
const leaveOut = {
  name: 'leave-out',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /./ }, ({ path, importer }) =>
      unreached.some((each) => each.path.test(path) && each.importer.test(importer))
        ? { path, namespace: 'left-out' }
        : undefined,
    );
    onLoad({ filter: /./, namespace: 'left-out' }, () => ({
      contents: 'module.exports = () => Object.assign(() => {}, { enabled: false });',
    }));
  },
};

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
  plugins: [leaveOut],
  external: [
    // oclif looks for these to run from TypeScript; a bundle has no need of them.
    ...['typescript', 'ts-node', 'tsx', 'bare-fs'],
    // One flag of one command makes certificates: the others need not read past that.
    ...['@peculiar/x509', 'reflect-metadata'],
  ],
};

/** In ASCII alone, so that bin/gilliam need not decode it: esbuild leaves other characters in regular expressions. */
export async function buildCli() {
  const { outputFiles } = await build({ ...cliOptions, write: false });
  for (const { path, text } of outputFiles)
    await writeFile(path, text.replace(/[^\0-\x7f]/g, escaped), 'latin1');
}

function escaped(unit) {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await buildCli();
