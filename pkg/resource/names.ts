import { InvalidError } from '../base/errors';
import type { Kind, StoredObject } from './objects';

/** The longest label, so that every name can be part of a DNS name. */
export const MAX_LABEL_LENGTH = 63;

/** Stands for all formations, or for the newest release, in a resource name. */
export const WILDCARD = '-';

/** What a label is, for messages. */
export const LABEL_RULE =
  'use 1 to 63 lower-case letters, digits and hyphens, beginning with a letter and not ending with a hyphen';

const label = /^[a-z](?:[-a-z0-9]*[a-z0-9])?$/;

/** Whether the text is an RFC 1035 label, in lower case: the name of a formation, process, port or executor. */
export function isLabel(text: string): boolean {
  return text.length <= MAX_LABEL_LENGTH && label.test(text);
}

/** Whether the text may name a service: a label, or, for an auxiliary service, a label behind `_`. */
export function isServiceName(text: string): boolean {
  return text.length <= MAX_LABEL_LENGTH && label.test(text.startsWith('_') ? text.slice(1) : text);
}

/** The nearest label to any text: `Node_7.example.com` → `node-7-example-com`; undefined when nothing is left of it. */
export function toLabel(text: string): string | undefined {
  const mapped = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+/, '')
    .slice(0, MAX_LABEL_LENGTH)
    .replace(/-+$/, '');
  return mapped === '' ? undefined : mapped;
}

/** Throws InvalidError unless the name is a label. `what` is a noun for the message: `formation name`. */
export function checkLabel(what: string, name: string, field: string): void {
  if (isLabel(name)) return;
  const description = labelViolation(what, name);
  throw new InvalidError(description, [{ field, description }]);
}

/** Why the name is not a label, in one line. */
export function labelViolation(what: string, name: string): string {
  return name === ''
    ? `${what} is missing: ${LABEL_RULE}`
    : `${what} ${quote(name)} is not allowed: ${LABEL_RULE}`;
}

/** Of volumes, whose objects are named `{service}-{ordinal}-{volume}`: two of different services must not be one. */
export const VOLUME_RULE =
  'may have no number between two hyphens, as in -2-: what it belongs to would be unclear';

/** Whether the label may name a volume of a process. */
export function isVolumeName(name: string): boolean {
  return !/-\d+-/.test(name);
}

/** `api.gilliam.service` and what else the platform answers by such a name. */
const RESERVED_FORMATION = 'gilliam';

/** Why no formation may be made with the name, in one line; undefined where one may. */
export function formationNameViolation(name: string): string | undefined {
  if (!isLabel(name)) return labelViolation('formation name', name);
  if (name !== RESERVED_FORMATION) return undefined;
  return `formation name ${quote(name)} is reserved: names such as api.${name}.service are the platform's own: choose another one`;
}

/** The text in quotes, on one line, at most 64 characters of it. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 64 ? `${text.slice(0, 63)}…` : text);
}

/** Where an object is. The same as the store's ObjectKey. */
export interface Named {
  /** Empty for kinds that are not formation-scoped. */
  readonly formation: string;
  readonly name: string;
}

type AnyKind = Pick<Kind<StoredObject>, 'name' | 'plural' | 'formationScoped'>;

/** `formations/shop`, `formations/shop/releases/v2`, `formations/-/events/…`, `executors/e1`. */
export function formatName(kind: AnyKind, key: Named): string {
  return kind.formationScoped
    ? `formations/${key.formation || WILDCARD}/${kind.plural}/${key.name}`
    : `${kind.plural}/${key.name}`;
}

export interface ParseOptions {
  /** The request's field, for the violation. Default `name`. */
  readonly field?: string;
  /** Which parts may be `-`; they come back as `-`. Default none. */
  readonly wildcards?: readonly (keyof Named)[];
}

/**
 * Takes a resource name apart: `formations/shop/releases/v2` of releases. Throws InvalidError with the form that is
 * asked for. Only the formation is checked to be a label: what the last part may be depends on the kind.
 */
export function parseName(kind: AnyKind, text: string, options: ParseOptions = {}): Named {
  const parts = text.split('/');
  const expected = formatName(kind, {
    formation: '{formation}',
    name: `{${kind.name.toLowerCase()}}`,
  }).split('/');
  const key: Named = kind.formationScoped
    ? { formation: parts[1] ?? '', name: parts[3] ?? '' }
    : { formation: '', name: parts[1] ?? '' };
  const sound =
    parts.length === expected.length &&
    expected.every((part, index) => part.startsWith('{') || part === parts[index]) &&
    key.name !== '' &&
    (key.name !== WILDCARD || options.wildcards?.includes('name')) &&
    (key.formation !== WILDCARD || options.wildcards?.includes('formation'));
  if (!sound) throw malformed(text, expected.join('/'), options);
  if (kind.formationScoped && key.formation !== WILDCARD) {
    checkLabel('formation name', key.formation, options.field ?? 'name');
  }
  return key;
}

/** `formations/shop`: the parent of what belongs to a formation. */
export function formatParent(formation: string): string {
  return `formations/${formation || WILDCARD}`;
}

/** The formation of a parent: `shop` of `formations/shop`; `-` only where `wildcards` says so. Throws InvalidError. */
export function parseParent(
  text: string,
  options: { readonly field?: string; readonly wildcard?: boolean } = {},
): string {
  const field = options.field ?? 'parent';
  const formation = text.startsWith('formations/') ? text.slice('formations/'.length) : '';
  if (formation === WILDCARD && options.wildcard) return formation;
  if (formation === '' || formation === WILDCARD || formation.includes('/')) {
    throw malformed(text, 'formations/{formation}', { field });
  }
  checkLabel('formation name', formation, field);
  return formation;
}

function malformed(text: string, form: string, options: ParseOptions): InvalidError {
  const field = options.field ?? 'name';
  const description =
    text === ''
      ? `${field} is missing: give it as ${form}`
      : `${field} ${quote(text)} is not a resource name of the form ${form}`;
  return new InvalidError(description, [{ field, description }]);
}
