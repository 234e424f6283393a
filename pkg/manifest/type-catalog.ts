import { InvalidError } from '../base/errors';
import { suggestion } from '../resource/suggest';
import { readDocument } from './document';
import { Faults } from './faults';
import { addIssues } from './issues';
import type { Path } from './path';
import { templateNames } from './template';
import type { ServiceType, ServiceTypeFile } from './type-schema';
import { typeSchema } from './type-schema';
import { builtInTypes } from './types/built-in';

/** The types of auxiliary services that a manifest may name. */
export interface TypeCatalog {
  readonly names: readonly string[];
  /** Undefined for one that there is not. */
  get(name: string): ServiceType | undefined;
}

/** A file of one type, as it was found. */
export interface TypeFile {
  /** For messages. */
  readonly file: string;
  readonly text: string;
}

/**
 * The types that are built in, and those of files: what a later group says goes before what an earlier one does (the
 * stage's, then packages', then the project's own). Throws InvalidError with line and column.
 */
export function typeCatalog(
  groups: readonly (readonly TypeFile[])[] = [],
  builtIn: readonly ServiceTypeFile[] = builtInTypes,
): TypeCatalog {
  // Understood when they are asked for: most manifests name one or two.
  const makers = new Map<string, () => ServiceType>(
    builtIn.map((file) => [file.type, () => typeSchema.parse(file)]),
  );
  for (const group of groups) {
    const files = new Map<string, string>();
    for (const each of group) {
      const type = readType(each);
      const other = files.get(type.type);
      if (other !== undefined) {
        throw new InvalidError(
          `${each.file} and ${other} both describe type ${type.type}: remove one of them`,
        );
      }
      files.set(type.type, each.file);
      makers.set(type.type, () => type);
    }
  }
  const made = new Map<string, ServiceType>();
  return {
    names: [...makers.keys()].sort(),
    get(name) {
      const type = made.get(name) ?? makers.get(name)?.();
      if (type) made.set(name, type);
      return type;
    },
  };
}

const typeTexts = new Set(['env', 'versions', 'values']);

/** Reads one file of a type. Throws InvalidError with line and column. */
export function readType({ file, text }: TypeFile): ServiceType {
  const document = readDocument(text, { file, isText: isTypeText });
  const found = new Faults(document);
  const parsed = typeSchema.safeParse(document.value);
  if (!parsed.success) {
    addIssues(parsed.error.issues, typeSchema, { document, found });
    found.throwIfAny();
    throw new InvalidError(`${file} is no type of auxiliary services`);
  }
  checkTemplates(parsed.data, found);
  found.throwIfAny();
  return parsed.data;
}

function isTypeText(path: Path): boolean {
  return path.at(-1) === 'default' || typeTexts.has(String(path.at(-2)));
}

const facts = ['version', 'host', 'port', 'secret', 'formation'];

/** What a URL asks for has to be there; an environment may hold braces of its own. */
function checkTemplates({ url, options }: ServiceType, found: Faults): void {
  const known = [...facts, ...Object.keys(options)];
  for (const name of templateNames(url)) {
    if (!known.includes(name))
      found.add(['url'], `has {${name}}, which stands for nothing: ${suggestion(name, known)}`);
  }
}
