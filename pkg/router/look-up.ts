import { argument, word } from './quote';
import { mark, marking } from './reach';

/**
 * Before what is looked up. What has no such beginning finds nothing, so that a text that is not marked, whatever is in
 * it, cannot be taken for one that is.
 */
const sought = ',';
const unsought = '-';
/** Behind the host, in which anything may have been sent. */
const hostEnd = '>';

/** The key of a class of hosts and a marked path, or the beginning of one. */
export function keyOf(host: string, marked: string): string {
  return `${sought}${host}${marked}`;
}

/** What the class is put in front of: a path is behind it. */
export const keyStart = sought;

/** The node of a key whose path is not marked yet. */
export function lookUp(key: string, otherwise: string): string {
  const marked = `regsub(${argument(marking.regex)},${argument(marking.replacement)})`;
  return word(`${key},${marked},map_beg(prefixes.map,${otherwise})`);
}

const host = '[-.0-9a-z]+';
// Of a segment that needs no closer look: nothing encoded, nothing that ends it for some server or other.
const letters = "!$&'()*+,0-9:=@A-Z_a-z|~-";
const before = `[/${letters}]*`;
const last = `(?:[${letters}][.${letters}]*)?`;
// Fit for JSON as it is.
const query = '[?][!#-[\\]-~]*';

/**
 * The node of a host and what is asked for there, two variables, where one expression says that there is nothing else to
 * be known of them: the host is written as routes name it, hence a class by itself, the path cannot be refused, and
 * neither they nor the query have to be made fit for the log. No node where any of that does not hold.
 */
export function straightLookUp(hostVariable: string, urlVariable: string): string {
  const asked = `str(${unsought}),concat(,${hostVariable},${hostEnd}),concat(,${urlVariable})`;
  const regex = `^${unsought}(${host})${hostEnd}(?=/)(${before})/(${last})(?:${query})?$`;
  const marked = `regsub(${argument(regex)},${argument(`${sought}\\1\\2${mark}\\3${mark}`)})`;
  return word(`${asked},${marked},map_beg(prefixes.map)`);
}
