import { z } from 'zod';
import { manifestSchema } from './manifest-schema';
import { typeSchema } from './type-schema';

/** As far as it is looked at here. */
export interface JsonSchema {
  readonly $schema?: string;
  readonly type?: string;
  readonly title?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly patternProperties?: Readonly<Record<string, JsonSchema>>;
  readonly propertyNames?: JsonSchema;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
}

const options = {
  io: 'input',
  target: 'draft-7',
  unrepresentable: 'any',
  // Where a value is converted, the library leaves these out, since they might be of what comes out. Ours are not.
  override: ({
    zodSchema,
    jsonSchema,
  }: {
    zodSchema: z.core.$ZodType;
    jsonSchema: z.core.JSONSchema.BaseSchema;
  }) => {
    const { examples, default: fallback } = z.globalRegistry.get(zodSchema) ?? {};
    if (examples !== undefined) jsonSchema.examples = examples as unknown[];
    if (fallback !== undefined) jsonSchema.default = fallback;
  },
} as const;

/** What editors complete and check `gilliam.yml` by. Made of what validates it. */
export function manifestJsonSchema(): JsonSchema {
  const schema = z.toJSONSchema(manifestSchema, options) as JsonSchema;
  // For anchors, and for other programs.
  return { ...schema, title: 'gilliam.yml', patternProperties: { '^x-': {} } };
}

/** The same of a file in `gilliam.types`. */
export function typeJsonSchema(): JsonSchema {
  const schema = z.toJSONSchema(typeSchema, options) as JsonSchema;
  return { ...schema, title: 'a type of auxiliary services' };
}
