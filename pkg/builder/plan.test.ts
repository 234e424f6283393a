import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { Process } from '../gen/gilliam/v1/release';
import { planBuild } from './plan';
import { treeOf } from './testing';

const testdata = join(__dirname, 'testdata');
const cases = readdirSync(testdata)
  .filter((file) => file.endsWith('.in.yaml'))
  .map((file) => file.slice(0, -'.in.yaml'.length));

/** UPDATE_GOLDEN=1 writes what comes out: look at the difference before committing it. */
const update = process.env['UPDATE_GOLDEN'] === '1';

function filesOf(name: string): Record<string, string> {
  return parse(readFileSync(join(testdata, `${name}.in.yaml`), 'utf8')) as Record<string, string>;
}

describe('planBuild', () => {
  it.each(cases)('%s', (name) => {
    const { plan, dockerfile, extra } = planBuild(treeOf(filesOf(name)), {
      baseImage: 'gilliam/base:bookworm',
      caBundle: 'certificates',
    });
    const processes = Object.fromEntries(
      Object.entries(plan.processes).map(([process, spec]) => [process, Process.toJSON(spec)]),
    );
    const out = stringify(
      {
        kind: plan.kind,
        reason: plan.reason,
        processes,
        context: { dockerfile, added: extra.map(({ path }) => path) },
        dockerfile: plan.dockerfile,
      },
      { lineWidth: 0, blockQuote: 'literal' },
    );
    const golden = join(testdata, `${name}.out.yaml`);
    if (update) writeFileSync(golden, out);
    expect(existsSync(golden) && readFileSync(golden, 'utf8')).toBe(out);
  });

  it('says nothing of certificates where the machine has none', () => {
    const tree = treeOf(filesOf('node-lock'));
    const { plan, extra } = planBuild(tree, { baseImage: 'base' });
    expect(plan.dockerfile).not.toMatch(/CERT|ca\.crt/);
    expect(extra.map(({ path }) => path)).toEqual(['.gilliam/Dockerfile']);
  });

  it('copies what changes after all that is installed', () => {
    for (const name of [
      'node-lock',
      'node-no-lock',
      'node-build-script',
      'python-requirements',
      'python-pyproject',
    ]) {
      const { plan } = planBuild(treeOf(filesOf(name)), { baseImage: 'base' });
      const lines = plan.dockerfile.split('\n');
      const install = lines.findIndex((line) => /npm (ci|install)|pip install/.test(line));
      const copy = lines.findIndex((line) => line.endsWith(' . .'));
      expect({ name, order: install > 0 && install < copy }).toEqual({ name, order: true });
    }
  });

  it.each([
    [{}, 'the tree is empty'],
    [{ 'README.md': '' }, 'nothing that can be built was found'],
    [{ 'app/Procfile': 'web: x' }, 'nothing that can be built was found'],
    [{ 'package.json': '{}' }, 'add a start script, or a Procfile'],
    [{ 'package.json': '{' }, 'package.json is not JSON'],
    [{ 'package.json': '[]' }, 'package.json is not a JSON object'],
    [{ 'requirements.txt': 'flask' }, 'Python found, but nothing says what to run'],
    [{ 'go.mod': '' }, 'go.mod found, but Go is not built without a Dockerfile'],
    [{ Gemfile: '', Procfile: 'web: bundle exec puma' }, 'Ruby is not built without a Dockerfile'],
    [{ Procfile: 'web' }, 'Procfile line 1'],
    [{ Procfile: 'web: x', '.gilliam/Dockerfile': '' }, ".gilliam/Dockerfile is a name of the builder's own"],
    [{ Procfile: 'web: x', '.gilliam': '' }, ".gilliam is a name of the builder's own"],
  ])('refuses %j', (files: Record<string, string>, message) => {
    expect(() => planBuild(treeOf(files), { baseImage: 'base' })).toThrow(message);
  });

  it('takes a process that is named as what every object has', () => {
    const { plan } = planBuild(treeOf({ Procfile: 'constructor: sh run.sh' }), { baseImage: 'base' });
    expect(Object.keys(plan.processes)).toEqual(['constructor']);
  });

  it('takes a tree that does not say what it runs, when a manifest does', () => {
    const files = { 'requirements.txt': 'flask\n', 'web.py': '' };
    const options = { baseImage: 'base', commandsElsewhere: true };
    const { plan } = planBuild(treeOf(files), options);
    expect(plan).toMatchObject({ kind: 'python', processes: {} });
    expect(() => planBuild(treeOf({ 'go.mod': '' }), options)).toThrow(
      'Go is not built without a Dockerfile',
    );
  });
});
