import type { ServiceTypeFile } from '../type-schema';

/** The types that are there without any file. */
export const builtInTypes: readonly ServiceTypeFile[] = [];
