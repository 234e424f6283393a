// Completes package-lock.json after `npm install`: `node hack/complete-lock.mjs`.
//
// Packages with native parts name one optional package for each system. A registry mirror may not hold those for
// other systems; then npm leaves them out of the lock file, and `npm ci` refuses that lock file everywhere. Their
// exact versions are in the package that names them, and their systems in their names, so they are written back.
import { readFileSync, writeFileSync } from 'node:fs';

const systems =
  /(?:^|[-/])(aix|android|darwin|freebsd|linux|netbsd|openbsd|openharmony|sunos|win32)(?:[-]|$)/;
const processors =
  /[-/](arm64|armv7|arm|ia32|loong64|mips64el|ppc64le|ppc64|riscv64|s390x|wasm32|x64)(?:[-]|$)/;

const path = new URL('../package-lock.json', import.meta.url);
const lock = JSON.parse(readFileSync(path, 'utf8'));
const { packages } = lock;
const added = [];
for (const [holder, { optionalDependencies = {}, dev }] of Object.entries(packages)) {
  for (const [name, version] of Object.entries(optionalDependencies)) {
    if (found(holder, name) || !/^\d/.test(version)) continue;
    const [, os] = systems.exec(name) ?? [];
    const [, cpu] = processors.exec(name) ?? [];
    packages[`node_modules/${name}`] = {
      version,
      ...(cpu && { cpu: [cpu === 'armv7' ? 'arm' : cpu] }),
      ...(dev && { dev: true }),
      license: 'MIT',
      optional: true,
      ...(os && { os: [os] }),
    };
    added.push(`${name}@${version}`);
  }
}
const { '': root, ...rest } = packages;
const byName = ([left], [right]) => left.localeCompare(right, 'en');
lock.packages = { '': root, ...Object.fromEntries(Object.entries(rest).sort(byName)) };
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
console.log(added.length === 0 ? 'package-lock.json is complete' : `added:\n${added.join('\n')}`);

/** As Node finds it: in the holder's own node_modules, or in one above. */
function found(holder, name) {
  for (let at = holder; ; at = at.replace(/(^|\/)node_modules\/(@[^/]+\/)?[^/]+$/, '')) {
    if (packages[`${at === '' ? '' : `${at}/`}node_modules/${name}`]) return true;
    if (at === '') return false;
  }
}
