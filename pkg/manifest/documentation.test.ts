import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { toDesired } from './desired';
import { manifestJsonSchema, typeJsonSchema } from './json-schema';
import { parseManifest } from './manifest';
import { types } from './testing';
import { readType, typeCatalog } from './type-catalog';
import type { ServiceTypeFile } from './type-schema';
import { builtInTypes } from './types/built-in';

const docs = join(__dirname, '../../docs');
const text = readFileSync(join(docs, 'manifest.md'), 'utf8');
const blocks = (kind: string) =>
  [...text.matchAll(new RegExp(`^\`\`\`${kind}\\n([^]*?)^\`\`\``, 'gm'))].map(([, block = '']) => block);

/** Those of the examples that are built in elsewhere, too, until they are. */
const postgres: ServiceTypeFile = {
  type: 'postgres',
  summary: 'a database',
  versions: ['15'],
  image: { registry: 'postgres' },
  ports: 5432,
  url: 'postgres://{host}:{port}',
};
const catalog =
  builtInTypes.length > 0 ? typeCatalog() : typeCatalog([], [postgres, types.get('redis') as never]);

test.each(blocks('yaml').map((block) => [block]))('the example is a manifest: %#', (block) => {
  expect(() => toDesired(parseManifest(block, { file: 'manifest.md', types: catalog }))).not.toThrow();
});

test.each(blocks('yaml type').map((block) => [block]))('the example is a type: %#', (block) => {
  expect(() => readType({ file: 'manifest.md', text: block })).not.toThrow();
});

test('every key is in the reference', () => {
  const properties = Object.keys(manifestJsonSchema().properties ?? {});
  expect(properties).toContain('processes');
  for (const key of properties) expect(text).toMatch(new RegExp(`\\| \`${key}\` +\\|`));
});

test('the published schemas are what validates', () => {
  const published = (name: string) => JSON.parse(readFileSync(join(docs, name), 'utf8')) as unknown;
  expect(published('gilliam.schema.json')).toEqual(JSON.parse(JSON.stringify(manifestJsonSchema())));
  expect(published('gilliam-type.schema.json')).toEqual(JSON.parse(JSON.stringify(typeJsonSchema())));
});

const shop = join(__dirname, '../../examples/shop');
const services = readdirSync(shop, { withFileTypes: true }).filter((entry) => entry.isDirectory());
test.each(services.map(({ name }) => [name]))('the shop’s %s is read', (name) => {
  const file = join(shop, name, 'gilliam.yml');
  expect(() => toDesired(parseManifest(readFileSync(file, 'utf8'), { file, types: catalog }))).not.toThrow();
});
