import { fillTemplate } from './template';
import type { ServiceType } from './type-schema';

/** What an image of an auxiliary service is built of: path → text. */
export interface AuxiliaryTree {
  readonly files: ReadonlyMap<string, string>;
}

const baseImage = 'gilliam/base:bookworm';

/**
 * The source trees of a type's image, in the order in which they are tried: from a registry, which may be out of reach;
 * then what needs none. The same type and version make the same trees.
 */
export function auxiliaryImages({ image }: ServiceType, version: string): readonly AuxiliaryTree[] {
  const values = new Map([['version', version]]);
  const { registry, dockerfile, debian } = image;
  const trees: AuxiliaryTree[] = [];
  if (dockerfile !== undefined) trees.push(treeOf(fillTemplate(dockerfile, values)));
  if (registry !== undefined) trees.push(treeOf(`FROM ${fillTemplate(registry, values)}\n`));
  if (debian) {
    const packages = debian.packages.map((name) => fillTemplate(name, values)).join(' ');
    const lines = [
      `FROM ${baseImage}`,
      'USER root',
      `RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ${packages} && rm -rf /var/lib/apt/lists/*`,
      ...(debian.setup === undefined
        ? []
        : ['COPY setup /tmp/setup', 'RUN sh -eu /tmp/setup && rm /tmp/setup']),
      'COPY entrypoint /usr/local/bin/gilliam-entrypoint',
      'RUN chmod 755 /usr/local/bin/gilliam-entrypoint',
      'ENTRYPOINT ["/usr/local/bin/gilliam-entrypoint"]',
      '',
    ];
    const setup = debian.setup === undefined ? [] : [['setup', fillTemplate(debian.setup, values)] as const];
    trees.push({
      files: new Map([['Dockerfile', lines.join('\n')], ...setup, ['entrypoint', debian.entrypoint]]),
    });
  }
  return trees;
}

function treeOf(dockerfile: string): AuxiliaryTree {
  return { files: new Map([['Dockerfile', dockerfile]]) };
}
