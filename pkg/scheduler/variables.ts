/**
 * What requirements and ranks may speak of: one executor, as it is before the instance is placed on it. Integers are
 * CEL's int, so bigint here.
 */
export interface Variables {
  /** The executor's name. */
  readonly name: string;
  /** The address by which its published ports are reached. */
  readonly host: string;
  /** The failure domain: a rack, a zone. */
  readonly domain: string;
  // A Map, for a tag may have the name of something that every object inherits.
  readonly tags: ReadonlyMap<string, string>;
  /** Unfinished instances on the executor. */
  readonly ncont: bigint;
  /** Those of them that are of the same process, of whatever release. */
  readonly nsame: bigint;
  /** Thousandths of a processor. */
  readonly cpu_free: bigint;
  readonly cpu_total: bigint;
  /** Bytes. */
  readonly memory_free: bigint;
  readonly memory_total: bigint;
}

export type Variable = keyof Variables;

/** Each variable's CEL type. */
export const variableTypes = {
  name: 'string',
  host: 'string',
  domain: 'string',
  tags: 'map<string, string>',
  ncont: 'int',
  nsame: 'int',
  cpu_free: 'int',
  cpu_total: 'int',
  memory_free: 'int',
  memory_total: 'int',
} as const satisfies Record<Variable, string>;

export function isVariable(name: string): name is Variable {
  return Object.hasOwn(variableTypes, name);
}

const loadVariables: readonly Variable[] = ['ncont', 'nsame', 'cpu_free', 'memory_free'];

/** Whether any of these changes when something is placed on the executor. */
export function readsLoad(variables: ReadonlySet<Variable>): boolean {
  return loadVariables.some((variable) => variables.has(variable));
}
