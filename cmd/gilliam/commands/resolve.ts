import { existsSync } from 'node:fs';
import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { GilliamError, NotFoundError, PreconditionError, UnavailableError } from '../../../pkg/base/errors';
import { isUnanswered } from '../../../pkg/client/connection-failure';
import type { ResolveResponse } from '../../../pkg/gen/gilliam/v1/registry_service';
import { formatServiceName, parseServiceName } from '../../../pkg/registry/service-name';
import type { ServiceName } from '../../../pkg/registry/types';
import { type OwnNode, ownNode } from '../../../pkg/stage/own-node';
import { stageFilePath, stagePaths } from '../../../pkg/stage/paths';
import { FormationCommand } from '../formation-command';
import { askOwnNode } from '../lib/ask-own-node';
import { UsageError } from '../lib/errors';
import { importedAs, meantInFull, sharesLine } from '../lib/name-aliases';
import { resolvedJson, resolvedLines } from '../lib/resolved';

interface Asked {
  /** As it was typed. */
  readonly text: string;
  /** Whose node; empty for any. */
  readonly executor: string;
}

interface Found {
  readonly answer: ResolveResponse;
  readonly name: ServiceName;
  readonly imported: boolean;
  /** Who may use it; undefined for everybody, and where that is not known. */
  readonly shares: string | undefined;
}

export default class Resolve extends FormationCommand {
  static override summary = 'Ask the service registry where a service is';
  static override description =
    'One line an instance, and one about the answer: which executor’s node has given it, how old it is, and the virtual IP that the name has there. While the control plane is away, the node of the machine that this is run on answers, if it has one. Exits with 1 when there is nothing to reach.';
  static override examples = [
    '<%= config.bin %> resolve web.shop.service',
    { command: '<%= config.bin %> resolve 1.web.shop.service', description: 'One instance:' },
    { command: '<%= config.bin %> resolve v2.web', description: 'Those of one release, by the short name:' },
  ];
  static override args = {
    name: Args.string({
      description: 'service.formation.service; in a formation’s directory also the short name',
      required: true,
      ignoreStdin: true,
    }),
  };
  static override flags = {
    executor: Flags.string({ description: 'whose node is asked; default any', helpValue: 'NAME' }),
  };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(Resolve);
    const { answer, name, imported, shares } = await this.#resolve(this.#nameOf(args.name), {
      text: args.name,
      executor: flags.executor ?? '',
    });
    const full = formatServiceName(name);
    if (answer.endpoints.length === 0) {
      throw new PreconditionError(`${full} has no instance to reach, says ${answer.node}: gilliam ps -A`);
    }
    this.answer(resolvedJson(answer), [
      ...(imported ? [`an import: it stands for ${full}`] : []),
      ...resolvedLines(answer, this.context.clock.now()),
      ...(shares === undefined ? [] : [shares]),
    ]);
  }

  /** By the control plane, or while that is away, by this machine's own node of the registry, where it has one. */
  async #resolve(name: ServiceName, asked: Asked): Promise<Found> {
    try {
      const found = await this.#byControlPlane(name, asked);
      return { ...found, shares: await sharesLine(this.client, found.name, this.context.signal) };
    } catch (error) {
      if (!(error instanceof GilliamError) || !this.#isWithoutControlPlane(error)) throw error;
      const node = ownNode(stagePaths(this.stageName, this.context.env));
      if (!node || (asked.executor !== '' && asked.executor !== node.executor)) throw error;
      return this.#byOwnNode(name, node, error);
    }
  }

  /** Nobody answers, or the machine is one that has joined the stage: it has no token for people. */
  #isWithoutControlPlane(error: GilliamError): boolean {
    return isUnanswered(error) || !existsSync(stageFilePath(this.stageName, this.context.env));
  }

  /** Own services come first, then imports, as they do inside instances. */
  async #byControlPlane(name: ServiceName, { text, executor }: Asked): Promise<Omit<Found, 'shares'>> {
    const { signal } = this.context;
    const ask = (one: ServiceName) =>
      this.client.registry.resolve({ name: formatServiceName(one), executor }, { signal });
    try {
      return { answer: await ask(name), name, imported: false };
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error;
      const target = await importedAs(this.client, name, signal);
      if (target) return { answer: await ask(target), name: target, imported: true };
      const meant = await meantInFull(this.client, text, signal);
      if (meant === undefined) throw error;
      throw new NotFoundError(`there is no ${formatServiceName(name)}: did you mean ${meant}?`, {
        cause: error,
      });
    }
  }

  /** Of imports and shares the node does not know: those are told by instances and the control plane. */
  async #byOwnNode(name: ServiceName, node: OwnNode, away: GilliamError): Promise<Found> {
    const { clock, signal } = this.context;
    const told = `${away.message}; ${node.executor} has answered, this machine's own node of the registry`;
    try {
      const answer = await askOwnNode(node, formatServiceName(name), clock, signal);
      this.warning(told);
      return { answer, name, imported: false, shares: undefined };
    } catch (error) {
      // What the control plane has said is why: the node may be away with it.
      if (error instanceof UnavailableError) throw away;
      this.warning(told);
      throw error;
    }
  }

  #nameOf(text: string): ServiceName {
    const formation = this.formationIfAny;
    const name = parseServiceName(text, { formation });
    if (name) return name;
    throw new UsageError(
      formation === undefined
        ? `${JSON.stringify(text)} is not a full name: write web.shop.service, 1.web.shop.service or v2.web.shop.service`
        : `${JSON.stringify(text)} is not a service's name: write web, 1.web, v2.web, or with the formation web.${formation}.service`,
    );
  }
}
