import type { PythonApp } from './detection';
import type { SourceTree } from './tree';

/** Undefined without requirements.txt, pyproject.toml, setup.py or any Python file at the root. */
export function detectPython(tree: SourceTree): PythonApp | undefined {
  const has = (path: string) => tree.entries.get(path) === 'file';
  const requirements = tree.texts.get('requirements.txt');
  if (requirements !== undefined) {
    const treeFirst = whyTreeFirst(requirements);
    return {
      manifests: ['requirements.txt'],
      dependencies: 'requirements',
      installTree: false,
      ...(treeFirst !== undefined && { treeFirst }),
    };
  }
  const project = tree.texts.get('pyproject.toml') ?? '';
  const table = (name: string) => new RegExp(`^\\s*\\[${name}\\]\\s*(#.*)?$`, 'm').test(project);
  const installTree = table('build-system') || table('tool\\.poetry') || has('setup.py');
  if (table('project') || installTree) {
    return {
      manifests: ['pyproject.toml', 'setup.py'].filter(has),
      dependencies: table('project') ? 'pyproject' : 'none',
      installTree,
    };
  }
  const script = [...tree.entries].some(
    ([path, kind]) => kind === 'file' && !path.includes('/') && path.endsWith('.py'),
  );
  if (!script && !has('pyproject.toml')) return undefined;
  return { manifests: [], dependencies: 'none', installTree: false };
}

/** Lines that name files of the tree: other lists, wheels, directories. */
function whyTreeFirst(requirements: string): string | undefined {
  const local = requirements
    .split(/\r?\n/)
    .map((line) => line.replace(/(^|\s)#.*$/, '').trim())
    .find(
      (line) =>
        /^(-r|-c|-e|-f|--requirement|--constraint|--editable|--find-links)[\s=]/.test(line) ||
        /^[./]/.test(line) ||
        /@\s*file:/.test(line) ||
        (!/:\/\//.test(line) && /^[^\s;]*(\/|\.(whl|zip|tar\.gz)$)/.test(line)),
    );
  return local && `requirements.txt names files of the tree`;
}
