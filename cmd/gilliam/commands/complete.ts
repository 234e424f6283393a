import { readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import * as Args from '@oclif/core/args';
import { compareReleaseNames } from '../../../pkg/resource/release-name';
import { defaultStage, stageFilePath } from '../../../pkg/stage/paths';
import { readStageFile } from '../../../pkg/stage/stage-file';
import { commands, loadCommand } from '../commands';
import { FormationCommand } from '../formation-command';
import { type Lookup, type Source, completions } from '../lib/completions';
import { listInstances } from '../lib/follow-instances';
import { shortName } from '../lib/instance-line';
import { newestRelease } from '../lib/release';

// A shell waits for the answer.
const limitMs = 2000;

/** What the scripts of `gilliam completion` call: one candidate a line. Never says anything else. */
export default class Complete extends FormationCommand {
  static override summary = 'Complete a command line';
  static override hidden = true;
  static override args = {
    words: Args.string({ description: 'the line up to the cursor', multiple: true, ignoreStdin: true }),
  };

  override async run(): Promise<void> {
    const { args } = await this.parse(Complete);
    const words = args.words ?? [''];
    const lookup: Lookup = (source, given) => this.#lookup(source, given).catch(() => []);
    const found = await completions(words, loadCommand, Object.keys(commands), lookup);
    this.answer(found, found);
  }

  async #lookup(
    source: Source,
    given: { readonly formation?: string; readonly stage?: string },
  ): Promise<string[]> {
    const { context } = this;
    const stage = given.stage ?? this.stageName;
    if (source === 'stages') {
      const files = readdirSync(dirname(stageFilePath(defaultStage, context.env)));
      return files.flatMap((file) => /^(.+)\.json$/.exec(file)?.[1] ?? []);
    }
    const { api, token, ca } = readStageFile(stage, context.env);
    const client = context.connect({ address: api, token, ca, stage });
    const options = { signal: context.signal, deadlineMs: limitMs };
    try {
      if (source === 'formations') {
        const { formations } = await client.formations.listFormations({}, options);
        return formations.map(({ metadata }) => metadata?.name ?? '');
      }
      if (source === 'executors') {
        const { executors } = await client.executors.listExecutors({}, options);
        return executors.map(({ metadata }) => metadata?.name ?? '');
      }
      const formation = given.formation ?? this.formation;
      const parent = `formations/${formation}`;
      if (source === 'releases') {
        const { releases } = await client.releases.listReleases({ parent }, options);
        return releases.map(({ metadata }) => metadata?.name ?? '').sort(compareReleaseNames);
      }
      if (source === 'routes') {
        const { routes } = await client.routes.listRoutes({ parent }, options);
        return routes.map(({ metadata }) => metadata?.name ?? '').sort();
      }
      if (source === 'instances') {
        const { items } = await listInstances(client, { parent }, context.signal);
        return items.map(shortName);
      }
      const newest = await newestRelease(client, formation, context.signal);
      return Object.keys(
        (source === 'processes' ? newest?.spec?.processes : newest?.spec?.config) ?? {},
      ).sort();
    } finally {
      client.close();
    }
  }
}
