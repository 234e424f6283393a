// What hack/update-manifest-docs.mjs makes the documentation and the published schemas of.
export { manifestJsonSchema, typeJsonSchema } from './json-schema';
export { referenceOf } from './reference';
export { builtInTypes } from './types/built-in';
