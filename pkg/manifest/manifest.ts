import { InvalidError } from '../base/errors';
import { readSchedule } from '../resource/schedule';
import type { Document } from './document';
import { readDocument } from './document';
import type { ExpandedService } from './expand-auxiliary';
import { expandAuxiliary } from './expand-auxiliary';
import { Faults } from './faults';
import { addIssues } from './issues';
import type { ManifestFile } from './manifest-schema';
import { manifestSchema } from './manifest-schema';
import type { Path } from './path';
import type { TypeCatalog } from './type-catalog';

/** A manifest, understood as far as it can be by itself. What its source adds comes with `toDesired`. */
export interface Manifest extends Omit<ManifestFile, 'auxiliary'> {
  /** For messages. */
  readonly file: string;
  readonly auxiliary: ReadonlyMap<string, ExpandedService>;
  /** `gilliam.yml:12:5` */
  readonly locate: Document['locate'];
}

export interface ParseOptions {
  readonly file: string;
  readonly types: TypeCatalog;
}

/**
 * Reads `gilliam.yml`. Throws one InvalidError for all that is wrong, each violation with line and column:
 * `gilliam.yml:12:5: processes.web.scrip is no key: did you mean script?`
 */
export function parseManifest(text: string, { file, types }: ParseOptions): Manifest {
  const document = readDocument(text, { file, isText });
  const found = new Faults(document);
  const value = withoutExtensions(document.value);
  if (value === null) throw new InvalidError(`${file} is empty: write at least processes: into it`);
  const parsed = manifestSchema.safeParse(value);
  if (!parsed.success) {
    addIssues(parsed.error.issues, manifestSchema, { document, found });
    found.throwIfAny();
    throw new InvalidError(`${file} is no manifest`);
  }
  const manifest = parsed.data;
  const auxiliary = new Map<string, ExpandedService>();
  for (const [name, given] of Object.entries(manifest.auxiliary ?? {})) {
    const expanded = expandAuxiliary(name, given, types, found);
    if (expanded) auxiliary.set(name, expanded);
  }
  checkCron(manifest, found);
  checkImports(manifest, found);
  checkShares(manifest, found);
  found.throwIfAny();
  return { ...manifest, file, auxiliary, locate: document.locate };
}

const texts = new Set(['env', 'config', 'options']);

/** Variables are text, however they are written. */
function isText(path: Path): boolean {
  return path.at(-1) === 'version' || texts.has(String(path.at(-2)));
}

/** `x-…` at the top is for anchors, and for other programs. */
function withoutExtensions(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([key]) => !key.startsWith('x-')));
}

function checkCron({ cron = {}, processes = {} }: ManifestFile, found: Faults): void {
  for (const [name, job] of Object.entries(cron)) {
    const read = readSchedule(job.schedule, job.time_zone);
    if (!('next' in read)) found.say(['cron', name, read.field], `cron.${name}: ${read.description}`);
    if (Object.hasOwn(processes, name)) {
      found.add(['cron', name], 'is the name of a process too: instances would be mistaken for one another');
    }
  }
}

function checkImports({ imports = {}, processes = {}, formation }: ManifestFile, found: Faults): void {
  for (const [name, target] of Object.entries(imports)) {
    const at = ['imports', name];
    if (Object.hasOwn(processes, name)) found.add(at, 'is the name of a process too: choose another one');
    if (formation !== undefined && target.endsWith(`.${formation}`)) {
      found.add(at, `is ${target}, which is of this formation itself: use its own name`);
    }
  }
}

function checkShares({ shares = {}, auxiliary = {} }: ManifestFile, found: Faults): void {
  for (const name of Object.keys(shares)) {
    if (!name.startsWith('_')) {
      found.add(['shares', name], 'is a process, which every formation may use: leave it out');
    } else if (!Object.hasOwn(auxiliary, name)) {
      found.add(['shares', name], `is no auxiliary service of this file`);
    }
  }
}
