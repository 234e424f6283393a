import type { Node, Pair, YAMLError } from 'yaml';
import { Composer, isAlias, isMap, isScalar, isSeq, LineCounter, Parser } from 'yaml';
import type { FieldViolation } from '../base/errors';
import { InvalidError } from '../base/errors';
import { MAX_RELEASE_BYTES } from '../resource/bounds';
import { quote } from '../resource/names';
import { formatBytes } from '../resource/quantity';
import { bytesOf } from '../resource/text';
import { nestedDeeper } from './nesting';
import type { Path } from './path';
import { formatPath } from './path';

/** The largest file that is read: a release, which is made of it, may not be larger either. */
export const MAX_FILE_BYTES = MAX_RELEASE_BYTES;
/** The most values a file may come to, what its aliases stand for included: a bomb of aliases is billions. */
export const MAX_VALUES = 50_000;
export const MAX_DEPTH = 64;
const tooDeep = `is nested too deep: at most ${MAX_DEPTH} levels`;
const secondDocument =
  'a second document begins here: a file is about one formation, give the other a file of its own';

/** A value of the file, and where it is. */
interface Located {
  readonly offset: number;
  /** Whether the text stands in the file as it is, so that a column in it is one of the file: from where on. */
  readonly textOffset?: number;
  readonly value: unknown;
  /** Of a mapping: the keys' own places too. */
  readonly entries?: ReadonlyMap<string, { readonly keyOffset: number; readonly value: Located }>;
  readonly items?: readonly Located[];
}

/** A YAML file, read: plain values, and the line and column of each. */
export interface Document {
  readonly file: string;
  readonly value: unknown;
  /**
   * `gilliam.yml:12:5`, of the key at the path, or of what is there of it. With `column`, counted from 1, of that
   * character of the value's text.
   */
  readonly locate: (path: Path, column?: number) => string;
}

export interface ReadOptions {
  readonly file: string;
  /** Whether a number or a boolean at this place is meant as the text that it is written as: `1.10`. */
  readonly isText: (path: Path) => boolean;
}

/**
 * Reads one YAML 1.2 document. Anchors and aliases are allowed, and `<<` takes over what a mapping lacks; all of it
 * bounded. Duplicate keys, tags, tabs for indentation and a second document are refused. Throws InvalidError with line
 * and column.
 */
export function readDocument(text: string, { file, isText }: ReadOptions): Document {
  const bytes = bytesOf(text);
  if (bytes > MAX_FILE_BYTES) {
    throw new InvalidError(
      `${file} is ${formatBytes(bytes)}, over the limit of ${formatBytes(MAX_FILE_BYTES)}: keep large values in files of the source`,
    );
  }
  const lines = new LineCounter();
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  const contents = parse(text, lines, place);
  const root = new Reader(text, place, isText).read(contents, [], 0);
  return { file, value: root.value, locate: (path, column) => place(offsetOf(root, path, column)) };
}

function parse(text: string, lines: LineCounter, place: (offset: number) => string): Node | null {
  const tokens = [...new Parser(lines.addNewLine).parse(text)];
  for (const token of tokens) {
    const deep = nestedDeeper(token, MAX_DEPTH);
    if (deep !== undefined) throw refusal(place(deep), '', tooDeep);
  }
  // Of keys, the library compares each with every other one: the reader does that better.
  const options = { lineCounter: lines, uniqueKeys: false, prettyErrors: false, logLevel: 'error' } as const;
  const [document, second] = new Composer(options).compose(tokens, true, text.length);
  const faults = [...(document?.errors ?? []), ...(document?.warnings ?? [])];
  const [fault] = faults.sort((a, b) => a.pos[0] - b.pos[0]);
  if (fault) throw refusal(place(fault.pos[0]), '', inWords(fault));
  if (second) throw refusal(place(second.range[0]), '', secondDocument);
  return document?.contents ?? null;
}

class Reader {
  readonly #anchors = new Map<string, Node>();
  /** What is being read: an alias to any of it has no end. */
  readonly #open = new Set<Node>();
  #values = 0;

  constructor(
    private readonly text: string,
    private readonly place: (offset: number) => string,
    private readonly isText: (path: Path) => boolean,
  ) {}

  read(node: Node | null, path: Path, fallback: number): Located {
    if (!node) return { offset: fallback, value: null };
    const offset = node.range?.[0] ?? fallback;
    this.#values += 1;
    if (this.#values > MAX_VALUES) {
      throw this.#refuse(
        offset,
        path,
        `is one value too many: a file may come to ${MAX_VALUES}, aliases included`,
      );
    }
    if (path.length > MAX_DEPTH) throw this.#refuse(offset, path, tooDeep);
    if (isAlias(node)) return this.#readAlias(node.source, offset, path);
    const { anchor } = node as { readonly anchor?: string };
    if (anchor !== undefined) this.#anchors.set(anchor, node);
    if (isScalar(node)) return this.#readScalar(node, offset, path);
    this.#open.add(node);
    try {
      if (isMap(node)) return this.#readMap(node.items, offset, path);
      if (isSeq(node)) return this.#readItems(node.items as readonly Node[], offset, path);
    } finally {
      this.#open.delete(node);
    }
    throw this.#refuse(offset, path, 'is nothing that can be read');
  }

  #readAlias(name: string, offset: number, path: Path): Located {
    const node = this.#anchors.get(name);
    if (!node) throw this.#refuse(offset, path, `is *${name}, but there is no &${name} before it`);
    if (this.#open.has(node)) throw this.#refuse(offset, path, `is *${name}, which it is a part of itself`);
    // What is wrong in it is wrong where it is written; that it is here, is here.
    return { ...this.read(node, path, offset), offset };
  }

  #readScalar(
    node: { readonly value: unknown; readonly source?: string },
    offset: number,
    path: Path,
  ): Located {
    const { value, source } = node;
    const plain = typeof value === 'number' || typeof value === 'boolean';
    if (plain && source !== undefined && this.isText(path)) return { offset, value: source };
    if (typeof value === 'object' && value !== null)
      throw this.#refuse(offset, path, 'has a tag: write the value without it');
    if (typeof value !== 'string') return { offset, value };
    const quoted = /["']/.test(this.text[offset] ?? '') ? 1 : 0;
    const written = this.text.startsWith(value, offset + quoted);
    return { offset, value, ...(written && { textOffset: offset + quoted }) };
  }

  #readItems(nodes: readonly Node[], offset: number, path: Path): Located {
    const items = nodes.map((node, index) => this.read(node, [...path, index], offset));
    return { offset, items, value: items.map((item) => item.value) };
  }

  #readMap(pairs: readonly Pair[], offset: number, path: Path): Located {
    const entries = new Map<string, { readonly keyOffset: number; readonly value: Located }>();
    const merged: Located[] = [];
    for (const pair of pairs) {
      const { key, keyOffset } = this.#readKey(pair.key as Node | null, offset, path);
      const here = [...path, key];
      const known = entries.get(key);
      if (known) {
        throw this.#refuse(
          keyOffset,
          here,
          `is given twice: it is already at ${this.place(known.keyOffset)}`,
        );
      }
      const value = this.read(pair.value as Node | null, here, keyOffset);
      if (key === '<<') merged.push(...this.#mergedBy(value, here));
      else entries.set(key, { keyOffset, value });
    }
    // What is first in the list goes first; what the mapping says itself goes before all.
    for (const { entries: taken } of merged) {
      for (const [key, entry] of taken ?? []) if (!entries.has(key)) entries.set(key, entry);
    }
    // Without a prototype: `constructor` is a name like any other.
    const value = Object.create(null) as Record<string, unknown>;
    for (const [key, entry] of entries) value[key] = entry.value.value;
    return { offset, entries, value };
  }

  #readKey(node: Node | null, offset: number, path: Path): { key: string; keyOffset: number } {
    const keyOffset = node?.range?.[0] ?? offset;
    const scalar = isAlias(node) ? this.#anchors.get(node.source) : node;
    if (!isScalar(scalar)) throw this.#refuse(keyOffset, path, 'has a key that is no text');
    const key = typeof scalar.value === 'string' ? scalar.value : (scalar.source ?? '');
    if (scalar.anchor !== undefined) this.#anchors.set(scalar.anchor, scalar);
    if (key === '__proto__') throw this.#refuse(keyOffset, path, 'has a key __proto__: choose another name');
    return { key, keyOffset };
  }

  #mergedBy(value: Located, path: Path): readonly Located[] {
    const mappings = value.items ?? [value];
    if (mappings.every(({ entries }) => entries)) return mappings;
    throw this.#refuse(
      value.offset,
      path,
      'takes over from a mapping: write <<: *name, or <<: [*one, *other]',
    );
  }

  #refuse(offset: number, path: Path, what: string): InvalidError {
    return refusal(this.place(offset), formatPath(path), what);
  }
}

function refusal(place: string, field: string, what: string): InvalidError {
  const description = `${place}: ${field === '' ? '' : `${field} `}${what}`;
  const violation: FieldViolation = { field, description };
  return new InvalidError(description, [violation]);
}

function offsetOf(root: Located, path: Path, column: number | undefined): number {
  let at = root;
  let offset = root.offset;
  for (const [index, part] of path.entries()) {
    const entry = at.entries?.get(String(part));
    const next = entry?.value ?? (typeof part === 'number' ? at.items?.[part] : undefined);
    if (!next) return offset;
    const last = index === path.length - 1;
    offset = last && column === undefined && entry ? entry.keyOffset : next.offset;
    at = next;
  }
  return column === undefined || at.textOffset === undefined ? offset : at.textOffset + column - 1;
}

/** The library's own words, where they say what to do; ours, where a person could not tell. */
function inWords({ code, message }: YAMLError): string {
  if (code === 'TAB_AS_INDENT') return 'a tab indents this line: YAML takes spaces only';
  if (code === 'TAG_RESOLVE_FAILED')
    return `tags are not taken: write the value without ${quote(message.replace(/^.*: /, ''))}`;
  const first = message.split('\n')[0] ?? '';
  return `is not YAML: ${first.charAt(0).toLowerCase()}${first.slice(1)}`;
}
