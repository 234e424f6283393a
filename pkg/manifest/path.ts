/** Where a value is in a file: keys and indices from the root. */
export type Path = readonly (string | number)[];

/** `processes.web.ports[0]` */
export function formatPath(path: Path): string {
  return path
    .map((part, index) => {
      if (typeof part === 'number') return `[${part}]`;
      // What has dots and braces of its own is a pattern.
      const text = /^[\w-]+$/.test(part)
        ? part
        : JSON.stringify(part.length > 64 ? `${part.slice(0, 63)}…` : part);
      return index === 0 ? text : `.${text}`;
    })
    .join('');
}
