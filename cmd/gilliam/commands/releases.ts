import { Release } from '../../../pkg/gen/gilliam/v1/release';
import { compareReleaseNames } from '../../../pkg/resource/release-name';
import { FormationCommand } from '../formation-command';
import { age } from '../lib/age';
import { formatFactors } from '../lib/factors';
import { listAll } from '../lib/list-all';
import { activeFactors, listScales, nameOf } from '../lib/scales';
import { renderTable } from '../lib/table';

export default class Releases extends FormationCommand {
  static override summary = 'List the releases, newest first';
  static override description =
    'COMMIT is the one that was deployed or applied; - for a release that was made of none, as by gilliam config. Without a terminal the columns are apart by tabs: release, time, commit, image, scale factors, message.';
  static override examples = ['<%= config.bin %> releases'];

  override async run(): Promise<void> {
    await this.parse(Releases);
    const { stdout, clock, signal } = this.context;
    const { client, parent } = this;
    const [{ items: releases }, scales] = await Promise.all([
      listAll(
        (pageToken) => client.releases.listReleases({ parent, pageToken }, { signal }),
        (answer) => answer.releases,
      ),
      listScales(client, this.formation, signal),
    ]);
    const name = (release: Release) => release.metadata?.name ?? '';
    releases.sort((left, right) => compareReleaseNames(name(right), name(left)));
    const rows = releases.map(({ metadata, spec }) => [
      metadata?.name ?? '',
      stdout.isTerminal ? age(metadata?.created, clock.now()) : (metadata?.created?.toISOString() ?? ''),
      spec?.commit.slice(0, 7) || '-',
      shortImage(spec?.image ?? ''),
      formatFactors(activeFactors(scales.find((scale) => nameOf(scale) === metadata?.name))) || '-',
      spec?.message.split('\n')[0] ?? '',
    ]);
    const heading = stdout.isTerminal
      ? ['RELEASE', 'MADE', 'COMMIT', 'IMAGE', 'SCALE', 'MESSAGE']
      : undefined;
    this.answer(
      releases.map((release) => Release.toJSON(release)),
      rows.length > 0 ? renderTable(rows, { heading, colors: this.colors }) : [],
    );
    if (rows.length === 0) this.hint('gilliam deploy');
  }
}

/** Twelve digits of the digest, as everywhere; `-` for none. */
function shortImage(image: string): string {
  return image === '' ? '-' : (image.split(':').pop() ?? '').slice(0, 12);
}
