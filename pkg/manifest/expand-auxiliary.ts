import { Process } from '../gen/gilliam/v1/release';
import { urlVariableOf } from '../resource/auxiliary';
import { suggestion } from '../resource/suggest';
import type { Faults } from './faults';
import type { ManifestAuxiliary } from './manifest-schema';
import { fillTemplate } from './template';
import type { TypeCatalog } from './type-catalog';
import type { ServiceType } from './type-schema';

/** An auxiliary service as a process, but for its image. */
export interface ExpandedService {
  readonly type: ServiceType;
  readonly version: string;
  readonly process: Process;
  readonly factor: number;
}

/** Undefined where it cannot be made, which is among the faults then. */
export function expandAuxiliary(
  name: string,
  given: ManifestAuxiliary,
  types: TypeCatalog,
  found: Faults,
): ExpandedService | undefined {
  const at = ['auxiliary', name];
  const type = types.get(given.type);
  if (!type) {
    found.add(
      [...at, 'type'],
      `is ${given.type}, which is no type there is: ${suggestion(given.type, types.names)}`,
    );
    return undefined;
  }
  const version = given.version ?? type.versions[0] ?? '';
  if (!type.versions.includes(version)) {
    found.add([...at, 'version'], `is ${version}, but ${type.type} comes in ${type.versions.join(', ')}`);
  }
  const factor = given.scale ?? type.scale;
  const volumes = Object.entries(type.volumes).map(([volume, path]) => ({ name: volume, path }));
  if (factor > 1 && volumes.length > 0 && !type.replicas) {
    found.add(
      [...at, 'scale'],
      `is ${factor}, but each instance of ${type.type} has a volume of its own, so each would hold other data: scale it to 1`,
    );
  }
  const options = optionsOf(name, given, type, found);
  const values = new Map([['version', version], ...options]);
  const process = Process.fromPartial({
    command: commandOf(type, options, values),
    ports: type.ports,
    env: { ...filled(type.env, values), ...envOf(type, options), ...given.env },
    resources: given.resources ?? type.resources,
    ...(type.health !== undefined && type.health !== 'none' && { health: type.health }),
    requirements: given.requirements ?? [],
    rank: given.rank ?? '',
    graceMs: type.grace ?? 0,
    volumes,
    auxiliary: {
      type: type.type,
      version,
      options: Object.fromEntries(options),
      urlVariable: urlVariableOf(name),
      url: fillTemplate(type.url, values),
    },
  });
  return { type, version, process, factor };
}

/** Those that are given, and those that have a default. */
function optionsOf(
  name: string,
  given: ManifestAuxiliary,
  type: ServiceType,
  found: Faults,
): ReadonlyMap<string, string> {
  const known = Object.keys(type.options);
  for (const option of Object.keys(given.options ?? {})) {
    if (known.includes(option)) continue;
    found.add(
      ['auxiliary', name, 'options', option],
      `is no option of ${type.type}: ${suggestion(option, known)}`,
    );
  }
  const options = new Map<string, string>();
  for (const [option, { default: fallback, values, pattern }] of Object.entries(type.options)) {
    const value = given.options && Object.hasOwn(given.options, option) ? given.options[option] : fallback;
    if (value === undefined) continue;
    options.set(option, value);
    const path = ['auxiliary', name, 'options', option];
    if (values && !values.includes(value))
      found.add(path, `is ${value}, but must be one of ${values.join(', ')}`);
    if (pattern !== undefined && !new RegExp(`^(?:${pattern})$`).test(value))
      found.add(path, `is ${JSON.stringify(value)}, which is not of the form ${pattern}`);
  }
  return options;
}

function commandOf(
  type: ServiceType,
  options: ReadonlyMap<string, string>,
  values: ReadonlyMap<string, string>,
): string[] {
  const added = [...options].flatMap(([option, value]) =>
    (type.options[option]?.arguments ?? []).map((word) => word.replaceAll('{value}', value)),
  );
  return [...(type.command ?? []).map((word) => fillTemplate(word, values)), ...added];
}

function envOf(type: ServiceType, options: ReadonlyMap<string, string>): Record<string, string> {
  const variables = [...options].flatMap(([option, value]) => {
    const variable = type.options[option]?.env;
    return variable === undefined ? [] : [[variable, value] as const];
  });
  return Object.fromEntries(variables);
}

function filled(
  env: Readonly<Record<string, string>>,
  values: ReadonlyMap<string, string>,
): Record<string, string> {
  return Object.fromEntries(Object.entries(env).map(([name, text]) => [name, fillTemplate(text, values)]));
}
