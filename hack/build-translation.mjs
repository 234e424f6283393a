// Compiles pkg/virtualip/translate.bpf.c, for the kernel's virtual machine: one file for machines of any processor.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { replace, root } from './bundle.mjs';

/** What headers of the kernel differ by. */
const machines = { x64: 'x86_64', arm64: 'aarch64', ppc64: 'powerpc64le', riscv64: 'riscv64' };

/** Puts it at a path. Where there is no clang it says so, and leaves it out: nftables does without. */
export function buildTranslation(to) {
  const directory = mkdtempSync(join(tmpdir(), 'gilliam-build-'));
  const built = join(directory, 'translate.bpf.o');
  try {
    const headers = `/usr/include/${machines[process.arch] ?? process.arch}-linux-gnu`;
    const flags = [
      '-O2',
      '-g',
      '-target',
      'bpfel',
      '-mcpu=v3',
      '-Wall',
      '-Wextra',
      '-Werror',
      `-I${headers}`,
    ];
    // Names of where this was compiled stay out of what is shipped.
    const source = ['-fdebug-compilation-dir=.', '-c', 'pkg/virtualip/translate.bpf.c', '-o', built];
    execFileSync('clang', [...flags, ...source], { cwd: root, stdio: ['ignore', 'inherit', 'pipe'] });
    replace(to, readFileSync(built));
  } catch (error) {
    const why = reasonOf(error);
    if (why === undefined)
      throw new Error(`clang has refused translate.bpf.c:\n${error.stderr}`, { cause: error });
    console.log(`build: without the translation of virtual IPs at connect: ${why}`);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** What is missing; undefined where it is the program that is wrong. */
function reasonOf({ code, stderr }) {
  if (code === 'ENOENT') return 'clang is not there (apt-get install clang libbpf-dev)';
  const header = /fatal error: '([^']+)' file not found/.exec(String(stderr))?.[1];
  return header && `${header} is not there (apt-get install libbpf-dev)`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  buildTranslation(resolve(process.argv[2] ?? join(root, 'dist/translate.bpf.o')));
}
