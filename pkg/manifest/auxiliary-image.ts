import { fillTemplate } from './template';
import type { ServiceType } from './type-schema';

/** What an image of an auxiliary service is built of: path → text. */
export interface AuxiliaryTree {
  readonly files: ReadonlyMap<string, string>;
}

/** Who everything runs as, and whose what is kept is, whatever the image it is made of. */
const USER = '10001:10001';
const ENTRYPOINT = '/usr/local/bin/gilliam-entrypoint';
const FROM_BASE = ['ARG GILLIAM_BASE=gilliam/base:bookworm', 'FROM $GILLIAM_BASE'];

/**
 * The source trees of a type's image, in the order in which they are tried: from a registry, which may be out of reach;
 * then what needs none. The same type and version make the same trees.
 */
export function auxiliaryImages(type: ServiceType, version: string): readonly AuxiliaryTree[] {
  const values = new Map([['version', version]]);
  const fill = (text: string) => fillTemplate(text, values);
  const { registry, dockerfile, debian, copy = {} } = type.image;
  const trees: AuxiliaryTree[] = [];
  if (dockerfile !== undefined) trees.push(treeOf(fill(dockerfile)));
  if (registry !== undefined) {
    // With an entrypoint of its own, the type is the same service wherever its program comes from.
    const rest = debian ? finish(type) : [];
    trees.push(treeOf(lines(...fromRegistry(fill(registry), copy, debian), ...rest), debian));
  }
  if (debian) trees.push(treeOf(fromDebian(type, debian, version), debian));
  return trees;
}

type Debian = NonNullable<ServiceType['image']['debian']>;

function fromDebian(type: ServiceType, { packages, prepare, setup }: Debian, version: string): string {
  const steps = [
    'export DEBIAN_FRONTEND=noninteractive',
    defineFetch(type, version),
    'fetch update',
    checkVersion(type, packages[0] ?? '', version),
    // Nothing is to be started while the image is made.
    "printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d",
    'chmod +x /usr/sbin/policy-rc.d',
    ...linesOf(prepare),
    `fetch install -y --no-install-recommends ${packages.join(' ')}`,
    ...linesOf(setup),
    'rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin',
  ];
  return lines(...FROM_BASE, 'USER 0:0', `RUN ${steps.join(' && \\\n    ')}`, ...finish(type));
}

/**
 * What apt is told beside its command. It tries again after 1, 2, 4 and 8 s: a resolver or a link that restarts is back
 * by then, and who has no network at all is told so after a quarter of a minute. Without the error mode it takes no list
 * for an empty one, and goes on. Nobody reads the descriptions.
 */
const APT_OPTIONS = ['Acquire::Retries=4', 'APT::Update::Error-Mode=any', 'Acquire::Languages=none'];

/** A function of the shell: apt-get, silent when all is well, with one line of ours last where something is out of reach. */
function defineFetch({ type }: ServiceType, version: string): string {
  const apt = ['apt-get -qq', ...APT_OPTIONS.map((option) => `-o ${option}`)].join(' ');
  // The first that failed: its host, and apt's reason.
  const first = String.raw`sed -n 's/^E: Failed to fetch [a-z]*:\/*\([^/ ]*\)[^ ]* *\(.*\)/\1 (\2)/p' | sed 1q`;
  const message =
    `${type} ${version} is made of Debian packages, which cannot be fetched from $failed: ` +
    'let the containers of the Docker Engine reach it (DNS, firewall, HTTP_PROXY), then try again';
  return [
    'fetch() {',
    `said=$(${apt} "$@" 2>&1) && return 0;`,
    'code=$?;',
    `printf '%s\\n' "$said" >&2;`,
    `failed=$(printf '%s\\n' "$said" | ${first});`,
    `[ -z "$failed" ] || echo "${message}" >&2;`,
    'exit $code; }',
  ].join(' \\\n    ');
}

/** Debian has one version of everything: another one is refused by name, before anything is fetched. */
function checkVersion({ type, image }: ServiceType, name: string, version: string): string {
  const way =
    image.registry === undefined ? '' : ', or give the Docker Engine a registry to fetch another one from';
  const other = `${type} ${version} was asked for, but Debian has $found: ask for that version${way}`;
  const none = `${type} is made of the package ${name}, which is not in what the base image installs from: use a base image of Debian${way}`;
  const same = ['', '.*', '+*', '-*', '~*'].map((rest) => `'${version}'${rest}`).join('|');
  return [
    `found=$(apt-cache show --no-all-versions ${name} 2> /dev/null | sed -n 's/^Version: \\([0-9]*:\\)\\{0,1\\}//p')`,
    `case "$found" in ${same}) ;; '') echo "${none}" >&2; exit 1 ;; *) echo "${other}" >&2; exit 1 ;; esac`,
  ].join(' && \\\n    ');
}

/** The registry's image itself, or a few files of it on the base image. */
function fromRegistry(image: string, copy: Readonly<Record<string, string>>, debian?: Debian): string[] {
  const copied = Object.entries(copy);
  if (copied.length === 0) return [`FROM ${image}`, ...(debian ? ['USER 0:0'] : [])];
  const copies = copied.map(([from, to]) => `COPY --from=server ${from} ${to}`);
  const [argument = '', ...base] = FROM_BASE;
  return [argument, `FROM ${image} AS server`, ...base, 'USER 0:0', ...copies];
}

/** The user, who some programs look up by number, and what is theirs: a new volume is given the owner of its path. */
function finish({ ports, volumes }: ServiceType): string[] {
  const directories = Object.values(volumes);
  const owned = directories.length === 0 ? [] : [`install -d -o 10001 -g 10001 ${directories.join(' ')}`];
  const known = "grep -q ':x:10001:' /etc/passwd || echo 'app:x:10001:10001::/tmp:/bin/sh' >> /etc/passwd";
  return [
    `RUN ${[`{ ${known}; }`, ...owned].join(' && ')}`,
    `COPY entrypoint ${ENTRYPOINT}`,
    ...(ports.length === 0 ? [] : [`EXPOSE ${ports.map((port) => port.containerPort).join(' ')}`]),
    `USER ${USER}`,
    'WORKDIR /',
    `ENTRYPOINT ["/bin/sh", "${ENTRYPOINT}"]`,
    'CMD []',
  ];
}

function linesOf(script: string | undefined): string[] {
  return (script ?? '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

function lines(...all: readonly string[]): string {
  return `${all.join('\n')}\n`;
}

function treeOf(dockerfile: string, debian?: Debian): AuxiliaryTree {
  const entrypoint = debian ? [['entrypoint', debian.entrypoint] as const] : [];
  return { files: new Map([['Dockerfile', dockerfile], ...entrypoint]) };
}
