/** What a source tree was found to be: all that planning needs to know of it. */
export interface Detection {
  readonly kind: Kind;
  /** Which files told: `Procfile and package.json found`. */
  readonly reason: string;
  /** Process → command line. Empty when the image's own command is all there is. */
  readonly commands: ReadonlyMap<string, string>;
  /** The tree's own Dockerfile. */
  readonly dockerfile?: { readonly text: string; readonly ports: readonly number[] };
  readonly node?: NodeApp;
  readonly python?: PythonApp;
  /** Whether the tree brings the certificates for its build along. */
  readonly ownCertificates: boolean;
}

export type Kind = 'dockerfile' | 'node' | 'python' | 'static' | 'plain';

export interface NodeApp {
  /** `ci` with a lock file. */
  readonly install: 'ci' | 'install' | 'none';
  /** The files that say what is installed. */
  readonly manifests: readonly string[];
  /** Why installing may need any file of the tree, where it does. */
  readonly treeFirst?: string;
  /** The script of package.json to run once everything is there. */
  readonly buildScript?: string;
}

export interface PythonApp {
  readonly manifests: readonly string[];
  /** From requirements.txt, from the dependencies of pyproject.toml, or nothing before the whole tree is there. */
  readonly dependencies: 'requirements' | 'pyproject' | 'none';
  readonly treeFirst?: string;
  /** Whether the tree is itself a package to install. */
  readonly installTree: boolean;
}
