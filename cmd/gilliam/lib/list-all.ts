import { InternalError } from '../../../pkg/base/errors';

// Far above what a stage may hold: an answer that never ends is a fault.
const maxPages = 10_000;

/** All pages of a list. */
export async function listAll<P extends { readonly nextPageToken: string }, T>(
  page: (pageToken: string) => Promise<P>,
  items: (answer: P) => readonly T[],
): Promise<{ readonly items: T[]; readonly last: P }> {
  const all: T[] = [];
  let pageToken = '';
  for (let pages = 0; pages < maxPages; pages += 1) {
    const answer = await page(pageToken);
    all.push(...items(answer));
    pageToken = answer.nextPageToken;
    if (pageToken === '') return { items: all, last: answer };
  }
  throw new InternalError('the list has no end: gilliam version tells what answers');
}
