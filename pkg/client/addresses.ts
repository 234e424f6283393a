/** `host:port`, or several with commas between: a stage's control planes are equal, and any of them will do. */
export function parseAddresses(text: string): readonly [string, ...string[]] {
  const [first = '', ...others] = text
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '');
  return [first, ...others];
}
