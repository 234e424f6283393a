/** The same, but for some of its methods. */
export function altered<T extends object>(whole: T, changes: Partial<T>): T {
  const get = (target: T, name: string | symbol): unknown => {
    const value: unknown = Reflect.get(name in changes ? changes : target, name);
    return typeof value === 'function' ? (value as () => unknown).bind(target) : value;
  };
  return new Proxy(whole, { get });
}
