// Writes docs/api.md from the contract's comments, as they are in dist/gilliam.binpb.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createFileRegistry, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { keep } from './generated.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const set = fromBinary(FileDescriptorSetSchema, readFileSync(join(root, 'dist/gilliam.binpb')));
const registry = createFileRegistry(set);
const files = [...registry.files].filter(({ proto }) => proto.package === 'gilliam.v1');
files.sort((a, b) => a.name.localeCompare(b.name, 'en'));

// Field numbers of descriptor.proto, of which the paths of comments are made.
const inFile = { message: 4, enum: 5, service: 6 };
const inMessage = { field: 2, message: 3, enum: 4 };
const inOther = 2; // a service's method, an enum's value

/** The comment above a declaration, as paragraphs of one line each. */
function comment(file, path) {
  const { location = [] } = file.proto.sourceCodeInfo ?? {};
  const found = location.find(
    (one) => one.path.length === path.length && one.path.every((n, i) => n === path[i]),
  );
  return (found?.leadingComments ?? '')
    .split(/\n\s*\n/)
    .map((paragraph) => paragraph.replace(/\s+/g, ' ').trim())
    .filter((paragraph) => paragraph !== '');
}

const short = (typeName) => typeName.replace(/^gilliam\.v1\./, '');
const anchor = (typeName) => short(typeName).toLowerCase().replaceAll('.', '');
const cell = (paragraphs) => paragraphs.join(' ').replaceAll('|', '\\|');

function linkTo(desc) {
  if (!desc.typeName.startsWith('gilliam.v1.')) return `\`${desc.typeName}\``;
  return `[${short(desc.typeName)}](#${anchor(desc.typeName)})`;
}

const scalarNames = [
  ,
  'double',
  'float',
  'int64',
  'uint64',
  'int32',
  'fixed64',
  'fixed32',
  'bool',
  'string',
  ,
  ,
  'bytes',
  'uint32',
  ,
  'sfixed32',
  'sfixed64',
  'sint32',
  'sint64',
];

function typeOf(field) {
  const single = (kind) => {
    if (kind === 'message') return linkTo(field.message);
    return kind === 'enum' ? linkTo(field.enum) : scalarNames[field.scalar];
  };
  if (field.fieldKind === 'map') return `map of ${scalarNames[field.mapKey]} to ${single(field.mapKind)}`;
  if (field.fieldKind === 'list') return `list of ${single(field.listKind)}`;
  return single(field.fieldKind);
}

function service(desc, index) {
  const path = [inFile.service, index];
  const lines = [`## ${desc.name}`, '', ...comment(desc.file, path).flatMap((text) => [text, ''])];
  desc.methods.forEach((method, n) => {
    const [input, output] = [method.input, method.output].map(linkTo);
    const streams = { client_streaming: [1, 0], server_streaming: [0, 1], bidi_streaming: [1, 1] };
    const [many, replies] = streams[method.methodKind] ?? [0, 0];
    lines.push(`### ${desc.name}.${method.name}`, '');
    lines.push(`${many ? 'stream of ' : ''}${input} → ${replies ? 'stream of ' : ''}${output}`, '');
    lines.push(...comment(desc.file, [...path, inOther, n]).flatMap((text) => [text, '']));
  });
  return lines;
}

function message(desc, path) {
  const lines = [
    `### ${short(desc.typeName)}`,
    '',
    ...comment(desc.file, path).flatMap((text) => [text, '']),
  ];
  if (desc.fields.length === 0) lines.push('No fields.', '');
  else lines.push('| field | type | |', '| --- | --- | --- |');
  desc.fields.forEach((field, n) => {
    const choice = field.oneof ? [`One of \`${field.oneof.name}\`.`] : [];
    const text = cell([...choice, ...comment(desc.file, [...path, inMessage.field, n])]);
    lines.push(`| \`${field.name}\` | ${typeOf(field)} | ${text} |`);
  });
  if (desc.fields.length > 0) lines.push('');
  // Maps are messages of two fields, which nobody has written.
  const written = desc.proto.nestedType
    .map((type, n) => [type, n])
    .filter(([type]) => !type.options?.mapEntry);
  for (const [type, n] of written) {
    const nested = desc.nestedMessages.find(({ name }) => name === type.name);
    lines.push(...message(nested, [...path, inMessage.message, n]));
  }
  desc.nestedEnums.forEach((nested, n) => lines.push(...enumeration(nested, [...path, inMessage.enum, n])));
  return lines;
}

function enumeration(desc, path) {
  const lines = [
    `### ${short(desc.typeName)}`,
    '',
    ...comment(desc.file, path).flatMap((text) => [text, '']),
  ];
  lines.push('| value | |', '| --- | --- |');
  desc.values.forEach((value, n) => {
    lines.push(`| \`${value.name}\` | ${cell(comment(desc.file, [...path, inOther, n]))} |`);
  });
  return [...lines, ''];
}

const services = files.flatMap((file) => file.services.map((desc) => [desc, file.services.indexOf(desc)]));
const lines = [
  '# API',
  '',
  'The contract of `proto/gilliam/v1`, served over gRPC. Each call carries `authorization: Bearer TOKEN`, the token of',
  'the stage file; `grpc.health.v1` and reflection answer too, so `grpcurl` and any language work without our client.',
  'Generated from the comments of the contract by `make update`: do not edit.',
  '',
  ...services.map(([desc]) => `- [${desc.name}](#${desc.name.toLowerCase()})`),
  '',
  ...services.flatMap(([desc, index]) => service(desc, index)),
  '## Messages',
  '',
  ...files.flatMap((file) => [
    ...file.messages.flatMap((desc, n) => message(desc, [inFile.message, n])),
    ...file.enums.flatMap((desc, n) => enumeration(desc, [inFile.enum, n])),
  ]),
];
keep(join(root, 'docs/api.md'), `${lines.join('\n').trimEnd()}\n`);
