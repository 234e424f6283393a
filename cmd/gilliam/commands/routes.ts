import * as Flags from '@oclif/core/flags';
import { Route as RouteMessage } from '../../../pkg/gen/gilliam/v1/route';
import { FormationCommand } from '../formation-command';
import { targetService, targetStates } from '../lib/route-target-state';
import { routeCells, routeHeading, routeUrl } from '../lib/route-view';
import { listRoutes } from '../lib/routes';
import { renderTable } from '../lib/table';

export default class Routes extends FormationCommand {
  static override summary = 'List the routes, in the order in which they are tried';
  static override description =
    'The first that matches a request gets it: exact hosts before others, longer paths before shorter ones, then those that ask for more: method, headers, query. Routes of all formations make one table. STATE says whether the service that a route leads to is ready, has no instance, or does not exist; nothing where variables say which service it is.';
  static override examples = [
    '<%= config.bin %> routes',
    { command: '<%= config.bin %> routes -A', description: 'Those of all formations:' },
  ];
  static override flags = {
    all: Flags.boolean({ char: 'A', description: 'of every formation of the stage' }),
  };

  override async run(): Promise<void> {
    const { flags } = await this.parse(Routes);
    const parent = flags.all ? 'formations/-' : this.parent;
    const routes = await listRoutes(this.client, parent, this.context.signal);
    const serviceOf = ({ spec }: RouteMessage) => spec && targetService(spec);
    const services = routes.flatMap((route) => serviceOf(route) ?? []);
    const states = await targetStates(this.client, services, this.context);
    const stateOf = (route: RouteMessage) => states.get(serviceOf(route) ?? '')?.state;
    const rows = routes.map((route) => [
      ...(flags.all ? [route.metadata?.formation ?? ''] : []),
      ...routeCells(route, stateOf(route)),
    ]);
    const heading = this.context.stdout.isTerminal
      ? [...(flags.all ? ['FORMATION'] : []), ...routeHeading]
      : undefined;
    this.answer(
      routes.map((route) => ({ ...(RouteMessage.toJSON(route) as object), state: stateOf(route) })),
      renderTable(rows, { heading, colors: this.colors }),
    );
    const ports = this.stageFile.router;
    const url = routes.flatMap(({ spec }) => (spec && ports && routeUrl(spec, ports)) ?? []).at(0);
    this.hint(
      url
        ? `gilliam route --test ${url}`
        : `gilliam route myapp.com web.${this.formationIfAny ?? 'shop'}.service`,
    );
  }
}
