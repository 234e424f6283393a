import fc from 'fast-check';
import { Release } from '../gen/gilliam/v1/release';
import { toDesired } from './desired';
import { parseManifest } from './manifest';
import { checkNeeded, inSteps, type Wish } from './order';
import { types } from './testing';

/** A formation that needs these. */
function wish(formation: string, needs: readonly string[]): Wish {
  const text = `formation: ${formation}\nprocesses:\n  web:\n    script: serve\n    needs: [${needs.map((each) => `web.${each}`).join(', ')}]\n`;
  const manifest = parseManifest(text, { file: `${formation}/gilliam.yml`, types });
  return { formation, manifest, desired: toDesired(manifest) };
}

const names = (steps: readonly (readonly Wish[])[]) =>
  steps.map((step) => step.map(({ formation }) => formation));

test('what is needed comes first', () => {
  const wishes = [wish('shop', ['cart', 'users']), wish('cart', ['users', 'elsewhere']), wish('users', [])];
  expect(names(inSteps(wishes))).toEqual([['users'], ['cart'], ['shop']]);
});

test('a circle is refused where it begins, with all that are in it', () => {
  const wishes = [wish('shop', ['cart']), wish('cart', ['users']), wish('users', ['cart'])];
  expect(() => inSteps(wishes)).toThrow(
    'cart/gilliam.yml:5:13: needs of formations go round in a circle: cart → users → cart',
  );
});

test('one formation of two files is refused', () => {
  expect(() => inSteps([wish('shop', []), wish('shop', [])])).toThrow(
    'shop/gilliam.yml and shop/gilliam.yml both describe formation shop',
  );
});

test('every formation is in one step, after all that it needs', () => {
  const graph = fc.array(fc.array(fc.nat(9), { maxLength: 3 }), { minLength: 1, maxLength: 10 });
  fc.assert(
    fc.property(graph, (edges) => {
      // Edges lead to smaller numbers only: no circles.
      const wishes = edges.map((targets, at) =>
        wish(
          `f${at}`,
          [...new Set(targets.filter((target) => target < at))].map((target) => `f${target}`),
        ),
      );
      const steps = names(inSteps(wishes.toReversed()));
      expect(steps.flat().sort()).toEqual(wishes.map(({ formation }) => formation).sort());
      const stepOf = (formation: string) => steps.findIndex((step) => step.includes(formation));
      edges.forEach((targets, at) => {
        for (const target of targets.filter((each) => each < at))
          expect(stepOf(`f${target}`)).toBeLessThan(stepOf(`f${at}`));
      });
    }),
    { numRuns: 100 },
  );
});

test('a service that a described formation does not have is refused before anything is done', () => {
  const users = wish('users', []);
  const text =
    'formation: shop\nprocesses:\n  web:\n    script: serve\n    needs: [wbe.users, db.users, web.elsewhere, mine]\nimports: {mine: wbe.users}\n';
  const manifest = parseManifest(text, { file: 'shop/gilliam.yml', types });
  const shop: Wish = { formation: 'shop', manifest, desired: toDesired(manifest) };
  expect(() => checkNeeded([shop, users])).toThrow(
    'shop/gilliam.yml:5:13: processes.web.needs[0] is wbe.users, which users does not have: did you mean "web"? (and 2 more faults)',
  );
  expect(() => checkNeeded([shop])).not.toThrow();
  // What is not described stays, and is there to be needed.
  const newest = Release.fromPartial({ spec: { processes: { wbe: {}, db: {} } } });
  expect(() => checkNeeded([shop, { ...users, newest }])).not.toThrow();
  expect(() => checkNeeded([wish('cart', ['users']), users])).not.toThrow();
});
