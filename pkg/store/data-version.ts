/** The version of the data that this program reads and writes: see docs/architecture.md, objects and keys. */
export const dataVersion = 1;
