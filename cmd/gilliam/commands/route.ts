import { resolve } from 'node:path';
import type { Interfaces } from '@oclif/core';
import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { ExistsError, messageOf, NotFoundError } from '../../../pkg/base/errors';
import { Route as RouteMessage, type RouteSpec } from '../../../pkg/gen/gilliam/v1/route';
import { TestRouteResponse } from '../../../pkg/gen/gilliam/v1/route_service';
import { parseServiceName } from '../../../pkg/registry/service-name';
import { FormationCommand } from '../formation-command';
import { AnsweredError, UsageError } from '../lib/errors';
import { completeSticky, type RouteFlags, routeFlags } from '../lib/route-flags';
import { type RouteRequest, routeSpec } from '../lib/route-spec';
import { targetService, targetStates } from '../lib/route-target-state';
import { testedRequest, testLines } from '../lib/route-test';
import { formationOfTarget } from '../lib/route-text';
import { destination, routeUrl } from '../lib/route-view';
import { listRoutes, sameMatch } from '../lib/routes';
import { readText } from '../lib/user-file';

interface GivenFlags extends RouteFlags {
  readonly name?: string;
  readonly test?: string;
  readonly delete?: string;
  readonly plan: boolean;
}

export default class Route extends FormationCommand {
  static override summary = 'Lead requests to a service, from a host and path';
  static override description = `A pattern is HOST/PATH: {name} in it takes one label of the host or one segment of the path, {name:regex} what the expression matches. Without a host it is for all hosts; with a / at its end, for all that is below. The target is a service and a path, with the pattern's variables in them; without a path, the request's own is kept. The most specific route wins, as gilliam routes lists them. A route of the same pattern and match is replaced.`;
  static override examples = [
    '<%= config.bin %> route myapp.com/user/{username} web.user.service/{username}',
    '<%= config.bin %> route {acct}.api.myapp.com/user/{rest:.*} api.user-{acct}.service/{rest}',
    '<%= config.bin %> route myapp.com web --weight v2=90 --weight v3=10',
    '<%= config.bin %> route old.myapp.com/{rest:.*} --redirect https://myapp.com/{rest} --code 301',
    {
      command: '<%= config.bin %> route --test http://myapp.com/user/ada',
      description: 'See which route a request takes, and what the service gets:',
    },
    { command: '<%= config.bin %> route -d user', description: 'Remove one:' },
  ];
  static override baseFlags: Interfaces.FlagInput = {
    ...FormationCommand.baseFlags,
    formation: Flags.string({
      char: 'f',
      description:
        "the route's formation; default $GILLIAM_FORMATION, then .gilliam.app or gilliam.yml, then the target's",
      helpGroup: 'GLOBAL',
      helpValue: 'NAME',
    }),
  };
  static override args = {
    pattern: Args.string({ description: 'host/path', ignoreStdin: true }),
    target: Args.string({
      description: 'service.formation.service/path, or the short name',
      ignoreStdin: true,
    }),
  };
  static override flags = {
    name: Flags.string({ description: "the route's name; default one made of the pattern", helpValue: 'N' }),
    ...routeFlags,
    test: Flags.string({ description: 'say what becomes of a request; send nothing', helpValue: 'URL' }),
    delete: Flags.string({ char: 'd', description: 'remove a route', helpValue: 'NAME' }),
    plan: Flags.boolean({ description: 'say what would be done; change nothing' }),
  };

  override async run(): Promise<void> {
    this.argv = completeSticky(this.argv);
    const { args, flags } = await this.parse(Route);
    const given: GivenFlags = { ...flags, plan: flags.plan ?? false };
    if (given.test !== undefined) {
      refuseBesides('test', ['method', 'header'], given, args);
      return this.#test(given.test, given);
    }
    if (given.delete !== undefined) {
      refuseBesides('delete', ['plan'], given, args);
      return this.#delete(given.delete, given.plan);
    }
    if (!args.pattern) {
      throw new UsageError(
        'PATTERN and TARGET are missing: gilliam route myapp.com web.shop.service; gilliam routes lists those there are',
      );
    }
    await this.#route(args.pattern, args.target, given);
  }

  async #route(pattern: string, target: string | undefined, flags: GivenFlags): Promise<void> {
    const formation = this.formationIfAny ?? formationOfTarget(target ?? '') ?? this.formation;
    const spec = routeSpec({ pattern, target, formation }, flags, (path) => this.#read(path));
    const before = await this.#existing(formation, spec, flags.name);
    const route = before
      ? await this.#update(before, spec, flags.plan)
      : await this.#create(formation, spec, flags);
    const name = route.metadata?.name ?? '';
    const ports = this.stageFile.router;
    const url = route.spec && ports && routeUrl(route.spec, ports);
    const json = { ...(RouteMessage.toJSON(route) as object), url };
    const led = `${pattern} → ${route.spec ? destination(route.spec) : ''}`;
    const change = before ? 'update' : 'create';
    if (route.spec) await this.#warn(formation, route.spec);
    if (flags.plan) return this.answer(json, `would ${change} route ${name}: ${led}`);
    const unchanged = before && before.metadata?.generation === route.metadata?.generation;
    const said = unchanged ? `route ${name} is this already: ${led}` : `route ${name} ${change}d: ${led}`;
    this.answer(json, url ? [said, url] : said);
    this.hint('gilliam routes');
  }

  /** Of what it leads to and is not there: services and releases may come later, so nothing is refused. */
  async #warn(formation: string, spec: RouteSpec): Promise<void> {
    const { client } = this;
    const { signal } = this.context;
    const service = targetService(spec);
    if (service === undefined) return;
    const state = (await targetStates(client, [service], this.context)).get(service);
    if (state?.state === 'no service') this.warning(`the route answers 503 for now: ${state.why}`);
    const of = parseServiceName(service)?.formation ?? formation;
    for (const { release } of spec.weights) {
      const name = `formations/${of}/releases/${release}`;
      await client.releases.getRelease({ name }, { signal }).catch((error: unknown) => {
        if (error instanceof NotFoundError) this.warning(`--weight: ${error.message}`);
      });
    }
  }

  /** The route that is to be replaced; undefined for a new one. */
  async #existing(
    formation: string,
    spec: RouteRequest,
    name: string | undefined,
  ): Promise<RouteMessage | undefined> {
    const routes = await listRoutes(this.client, `formations/${formation}`, this.context.signal);
    if (name === undefined) return routes.find((route) => route.spec && sameMatch(route.spec, spec));
    const found = routes.find(({ metadata }) => metadata?.name === name);
    if (!found || found.spec?.pattern === spec.pattern) return found;
    throw new ExistsError(
      `route "${name}" of ${formation} is for ${found.spec?.pattern}: give another --name, or remove it first with "gilliam route -d ${name}"`,
    );
  }

  async #create(
    formation: string,
    spec: RouteRequest,
    { name = '', plan }: GivenFlags,
  ): Promise<RouteMessage> {
    const { route } = await this.client.routes.createRoute(
      { parent: `formations/${formation}`, route: { metadata: { name }, spec }, validateOnly: plan },
      { signal: this.context.signal },
    );
    return route ?? RouteMessage.fromPartial({});
  }

  async #update({ metadata }: RouteMessage, spec: RouteRequest, plan: boolean): Promise<RouteMessage> {
    const { route } = await this.client.routes.updateRoute(
      {
        // Whoever has changed it meanwhile is told of, not overwritten.
        route: {
          metadata: {
            formation: metadata?.formation,
            name: metadata?.name,
            revision: metadata?.revision,
          },
          spec,
        },
        validateOnly: plan,
      },
      { signal: this.context.signal },
    );
    return route ?? RouteMessage.fromPartial({});
  }

  async #delete(given: string, plan: boolean): Promise<void> {
    const [, of, name = ''] = /^(?:([^/]*)\/)?(.*)$/s.exec(given) ?? [];
    const formation = of || this.formation;
    if (name === '') throw new UsageError('--delete takes the name of a route: gilliam routes lists them');
    const request = { name: `formations/${formation}/routes/${name}`, validateOnly: plan };
    await this.client.routes.deleteRoute(request, { signal: this.context.signal });
    this.answer({ formation, name }, plan ? `would remove route ${name}` : `route ${name} removed`);
    this.hint('gilliam routes');
  }

  async #test(text: string, flags: RouteFlags): Promise<void> {
    const request = testedRequest(text, flags);
    const { signal } = this.context;
    const answer = await this.client.routes.testRoute(request, { signal });
    if (!answer.route) {
      const nearest = answer.nearest.length > 0 ? `: nearest are ${answer.nearest.join(', ')}` : '';
      throw new NotFoundError(
        `no route matches ${request.url}${answer.reason && `: ${answer.reason}`}${nearest}`,
      );
    }
    this.answer(TestRouteResponse.toJSON(answer), testLines(request, answer));
    if (answer.reason === '') return this.#warnOfAnswer(answer);
    this.note(answer.reason);
    throw new AnsweredError(answer.reason);
  }

  /** What the router says itself, since the service is not there. */
  async #warnOfAnswer({ route, service }: TestRouteResponse): Promise<void> {
    if (service === '' || !route?.spec) return;
    const state = (await targetStates(this.client, [service], this.context)).get(service);
    if (state?.state !== 'no service') return;
    const status = targetService(route.spec) === undefined ? 404 : 503;
    this.warning(`the router answers ${status} for now: ${state.why}`);
  }

  #read(path: string): string {
    try {
      return readText(resolve(this.context.cwd, path), path, {
        advice: 'give two files in PEM, as in --tls CERTIFICATE.pem,KEY.pem',
      });
    } catch (error) {
      throw new UsageError(`--tls: ${messageOf(error)}`, { cause: error });
    }
  }
}

/** What belongs to one of the command's uses is refused in the others. */
function refuseBesides(
  use: string,
  allowed: readonly string[],
  flags: GivenFlags,
  args: { readonly pattern?: string },
): void {
  if (args.pattern !== undefined) throw new UsageError(`--${use} takes no pattern: gilliam route --help`);
  const own = [use, 'json', 'stage', 'formation', ...allowed];
  const stray = Object.entries(flags).find(
    ([name, value]) => value !== undefined && value !== false && !own.includes(name),
  );
  if (stray) throw new UsageError(`--${stray[0]} does not go with --${use}: gilliam route --help`);
}
