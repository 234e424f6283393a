import { shellCommand } from '../resource/shell-command';
import type { Detection, NodeApp, PythonApp } from './detection';
import { CERTIFICATES } from './tree';

/** The user that apps run as; the base image names it `app`. By number, so that other base images do too. */
const USER = '10001:10001';
const HOME = '/app';
const VENV = '/venv';

/** The steps for one language, around the copying of the tree. */
interface Part {
  readonly env: readonly string[];
  readonly directories: readonly string[];
  /** Before anything of the tree is there. */
  readonly prepare: readonly string[];
  /** Variables that point at the building machine's certificates. */
  readonly certificateVariables: readonly string[];
  /** Needs the manifests only, unless `treeFirst`. */
  readonly install: readonly string[];
  readonly treeFirst?: string;
  /** With the whole tree. */
  readonly finish: readonly string[];
}

export interface TemplateOptions {
  readonly baseImage: string;
  /** Whether the build context has the building machine's certificates. */
  readonly certificates: boolean;
}

/**
 * The Dockerfile of a tree that has none. What changes seldom comes first: a dependency list that has not changed is
 * not installed again.
 */
export function dockerfileFor(detection: Detection, options: TemplateOptions): string {
  const parts = [
    ...(detection.node ? [nodePart(detection.node)] : []),
    ...(detection.python ? [pythonPart(detection.python)] : []),
  ];
  const env = parts.flatMap((part) => part.env);
  const path = parts.flatMap((part) => part.directories.map((directory) => `${directory}/bin`));
  if (detection.node) path.unshift(`${HOME}/node_modules/.bin`);
  const installs = parts.some((part) => part.install.length + part.finish.length > 0);
  const first = parts.filter((part) => part.treeFirst === undefined);
  const after = parts.filter((part) => part.treeFirst !== undefined);
  // For whoever runs the image by hand, or keeps this file: Gilliam gives every process its command.
  const web = detection.commands.get('web');
  return lines(
    `# Made by gilliam: ${detection.reason}. To build it your way, commit a Dockerfile.`,
    `FROM ${options.baseImage}`,
    `ENV ${[`HOME=${HOME}`, ...env, ...(path.length > 0 ? [`PATH=${path.join(':')}:$PATH`] : [])].join(' ')}`,
    `RUN install -d -o 10001 -g 10001 ${[HOME, ...parts.flatMap((part) => part.directories)].join(' ')}`,
    `WORKDIR ${HOME}`,
    `USER ${USER}`,
    ...parts.flatMap((part) => part.prepare),
    ...(installs && options.certificates ? certificates(parts) : []),
    ...first.flatMap((part) => part.install),
    ...after.map((part) => `# Nothing is installed before the whole tree is there: ${part.treeFirst}.`),
    ...(web === undefined ? [] : [`CMD ${JSON.stringify(shellCommand(web))}`]),
    `COPY --chown=${USER} . .`,
    ...after.flatMap((part) => part.install),
    ...parts.flatMap((part) => part.finish),
  );
}

/** As build arguments, the variables are there while building and not in the image. */
function certificates(parts: readonly Part[]): readonly string[] {
  const variables = new Set(parts.flatMap((part) => part.certificateVariables));
  return [
    '# The certificates that the building machine trusts; the variables are not part of the image.',
    `COPY --chown=${USER} ${CERTIFICATES} ${CERTIFICATES}`,
    ...[...variables].sort().map((variable) => `ARG ${variable}=${HOME}/${CERTIFICATES}`),
  ];
}

function nodePart(app: NodeApp): Part {
  const manifests = `COPY --chown=${USER} ${app.manifests.join(' ')} ./`;
  // A build script, or one that runs on installing, may need what is needed only for development: it goes afterwards.
  const all = app.buildScript !== undefined || app.treeFirst !== undefined;
  const install = `RUN npm ${app.install} ${all ? '--include=dev' : '--omit=dev'} --no-audit --no-fund --cache=/tmp/npm && rm -rf /tmp/npm`;
  const build = app.buildScript === undefined ? [] : [`npm run ${app.buildScript}`];
  const prune =
    all && app.install !== 'none'
      ? ['npm prune --omit=dev --no-audit --no-fund --cache=/tmp/npm', 'rm -rf /tmp/npm']
      : [];
  const finish = [...build, ...prune];
  return {
    env: ['NODE_ENV=production'],
    directories: [],
    prepare: [],
    certificateVariables: ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE'],
    install: app.install === 'none' ? [] : app.treeFirst === undefined ? [manifests, install] : [install],
    finish: finish.length > 0 ? [`RUN ${finish.join(' && ')}`] : [],
    ...(app.treeFirst !== undefined &&
      app.install !== 'none' && { treeFirst: `of package.json, ${app.treeFirst}` }),
  };
}

function pythonPart(app: PythonApp): Part {
  const pip = 'pip install --no-cache-dir --disable-pip-version-check';
  const installs = app.dependencies !== 'none' || app.installTree;
  const install = {
    requirements: [`RUN ${pip} -r requirements.txt`],
    pyproject: [
      `RUN python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"].get("dependencies", []), sep="\\n")' > /tmp/requirements.txt && ${pip} -r /tmp/requirements.txt && rm /tmp/requirements.txt`,
    ],
    none: [],
  }[app.dependencies];
  const manifests = `COPY --chown=${USER} ${app.manifests.join(' ')} ./`;
  return {
    env: ['PYTHONUNBUFFERED=1'],
    directories: installs ? [VENV] : [],
    prepare: installs ? [`RUN python3 -m venv ${VENV}`] : [],
    certificateVariables: ['PIP_CERT', 'REQUESTS_CA_BUNDLE', 'SSL_CERT_FILE'],
    install: install.length > 0 && app.treeFirst === undefined ? [manifests, ...install] : install,
    finish: app.installTree ? [`RUN ${pip} .`] : [],
    ...(app.treeFirst !== undefined && { treeFirst: app.treeFirst }),
  };
}

function lines(...all: readonly string[]): string {
  return `${all.join('\n')}\n`;
}
