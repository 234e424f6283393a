import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { NotFoundError, PreconditionError } from '../../../pkg/base/errors';
import { ResolveResponse } from '../../../pkg/gen/gilliam/v1/registry_service';
import { formatServiceName, parseServiceName } from '../../../pkg/registry/service-name';
import type { ServiceName } from '../../../pkg/registry/types';
import { FormationCommand } from '../formation-command';
import { UsageError } from '../lib/errors';
import { importedAs, meantInFull, sharesLine } from '../lib/name-aliases';
import { resolvedLines } from '../lib/resolved';

export default class Resolve extends FormationCommand {
  static override summary = 'Ask the service registry where a service is';
  static override description =
    'One line an instance, and one about the answer: which executor’s node has given it, how old it is, and the virtual IP that the name has there. Exits with 1 when there is nothing to reach.';
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
    const { answer, name, imported } = await this.#resolve(args.name, flags.executor ?? '');
    const full = formatServiceName(name);
    if (answer.endpoints.length === 0) {
      throw new PreconditionError(`${full} has no instance to reach, says ${answer.node}: gilliam ps -A`);
    }
    const shares = await sharesLine(this.client, name, this.context.signal);
    this.answer(ResolveResponse.toJSON(answer), [
      ...(imported ? [`an import: it stands for ${full}`] : []),
      ...resolvedLines(answer, this.context.clock.now()),
      ...(shares === undefined ? [] : [shares]),
    ]);
  }

  /** Own services come first, then imports, as they do inside instances. */
  async #resolve(text: string, executor: string) {
    const { signal } = this.context;
    const name = this.#nameOf(text);
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
