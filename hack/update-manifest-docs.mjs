// Writes docs/manifest.md, docs/gilliam.schema.json and docs/gilliam-type.schema.json from the schemas of pkg/manifest.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { format, resolveConfig } from 'prettier';
import { common } from './bundle.mjs';
import { keep } from './generated.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const { manifestJsonSchema, typeJsonSchema, referenceOf, builtInTypes } = await load();

const prose = await readFile(join(root, 'hack', 'manifest-docs.md.in'), 'utf8');
const reference = [
  typesTable(),
  referenceOf(manifestJsonSchema(), 'All keys'),
  referenceOf(typeJsonSchema(), 'All keys of a type'),
].join('\n');
await write('manifest.md', 'markdown', page(prose.replace('<!-- reference -->', () => reference)));
await write('gilliam.schema.json', 'json', JSON.stringify(manifestJsonSchema()));
await write('gilliam-type.schema.json', 'json', JSON.stringify(typeJsonSchema()));

function page(body) {
  return [
    '# gilliam.yml',
    '<!-- Made by hack/update-manifest-docs.mjs from pkg/manifest and hack/manifest-docs.md.in: change those. -->',
    body,
  ].join('\n\n');
}

function typesTable() {
  const rows = builtInTypes.map(
    ({ type, summary, versions, options = {} }) =>
      `| \`${type}\` | ${summary} | ${versions.join(', ')} | ${
        Object.entries(options)
          .map(([name, option]) => `\`${name}\`: ${option.summary}`)
          .join('; ') || '–'
      } |`,
  );
  const head = ['| type | what it is | versions | options |', '| --- | --- | --- | --- |'];
  return rows.length === 0 ? '' : ['Built in are:', '', ...head, ...rows, ''].join('\n');
}

async function load() {
  const directory = await mkdtemp(join(tmpdir(), 'gilliam-docs-'));
  try {
    const outfile = join(directory, 'manifest.cjs');
    await build({ ...common, entryPoints: ['pkg/manifest/documentation.ts'], sourcemap: false, outfile });
    return createRequire(import.meta.url)(outfile);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function write(name, parser, text) {
  const target = join(root, 'docs', name);
  keep(target, await format(text, { ...(await resolveConfig(target)), parser }));
}
