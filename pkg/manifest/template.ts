/** The names in braces: `redis://{host}:{port}` has host and port. */
export function templateNames(template: string): readonly string[] {
  return [...template.matchAll(/\{([a-z][a-z0-9_]*)\}/g)].map(([, name = '']) => name);
}

/** Fills in what is given; what is not stays as it is, for whoever fills in the rest. */
export function fillTemplate(template: string, values: ReadonlyMap<string, string>): string {
  return template.replace(/\{([a-z][a-z0-9_]*)\}/g, (all, name: string) => values.get(name) ?? all);
}
