import { outcomeOf, routingFiles, updateRoutingFile } from '../testing/routing-cases';
import { orderRoutes } from './order';

// The same files are run against HAProxy in pkg/router. UPDATE_GOLDEN=1 writes down what comes out: read the
// difference before you commit it.
describe.each(routingFiles())('$name', ({ name, routes, cases }) => {
  const ordered = orderRoutes(routes);

  if (process.env.UPDATE_GOLDEN) {
    test('is written anew', () => {
      updateRoutingFile(
        name,
        cases.map(({ request }) => outcomeOf(ordered, request)),
      );
    });
    return;
  }

  test.each(
    cases.map((each) => [`${each.request.method} ${each.request.host} ${each.request.path}`, each] as const),
  )('%s', (_, { request, expect: expected }) => {
    expect(outcomeOf(ordered, request)).toEqual(expected);
  });
});
