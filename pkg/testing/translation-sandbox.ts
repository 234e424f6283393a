import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { sleep, SystemClock } from '../base/clock';
import { silentLogger } from '../base/log';
import { type Bpftool, SystemBpftool } from '../kernel/bpftool';
import { cgroupRoot } from '../kernel/cgroup-root';
import { parseRange } from '../virtualip/address-range';
import { Translation } from '../virtualip/translation';
import { Translator, type TranslatorOptions } from '../virtualip/translator';
import { testRange } from './bridge-network';

const exec = promisify(execFile);
const clock = new SystemClock();

/**
 * A control group and a directory of pins of a test's own: whatever runs outside is not translated for, so tests get in
 * nobody's way, nor do stages in theirs. Needs root, clang and bpftool.
 */
export class TranslationSandbox {
  readonly bpftool: Bpftool = new SystemBpftool({ clock });

  private constructor(
    readonly cgroup: string,
    /** For the pins of one stage each. */
    readonly pins: string,
    readonly directory: string,
  ) {}

  static async create(): Promise<TranslationSandbox> {
    const root = await cgroupRoot();
    if (root === undefined) throw new Error('no control groups of version 2 are mounted');
    const name = `gilliam-test-${randomBytes(3).toString('hex')}`;
    const directory = await mkdtemp(join(tmpdir(), 'gilliam-'));
    await exec(process.execPath, ['hack/build-translation.mjs', join(directory, 'translate.bpf.o')]);
    await mkdir(join(root, name));
    await mkdir(join('/sys/fs/bpf', name));
    return new TranslationSandbox(join(root, name), join('/sys/fs/bpf', name), directory);
  }

  /** What the programs were compiled to. */
  get object(): string {
    return join(this.directory, 'translate.bpf.o');
  }

  /** Of a stage by its table, with the addresses of a range. */
  translator(table: string, range: string, other: Partial<TranslatorOptions> = {}): Translator {
    return new Translator({
      bpftool: this.bpftool,
      object: this.object,
      pins: join(this.pins, table),
      cgroup: this.cgroup,
      range: parseRange(range),
      ...other,
    });
  }

  /** The same, in step or off. */
  translation(table: string, range: string): Translation {
    return new Translation({ translator: this.translator(table, range), clock, log: silentLogger });
  }

  /** The names of the programs that are attached. */
  async attached(): Promise<string[]> {
    const list = ((await this.bpftool.ask('cgroup', 'show', this.cgroup)) ?? []) as { name: string }[];
    return list.map(({ name }) => name).sort();
  }

  /** What ran in it must have ended. */
  async remove(): Promise<void> {
    for (const stage of await readdir(this.pins)) await this.translator(stage, testRange).remove();
    await rmdir(this.pins);
    // A process that was just killed is in it until it is gone.
    for (let attempt = 0; ; attempt++) {
      try {
        await rmdir(this.cgroup);
        break;
      } catch (error) {
        if (attempt === 50) throw error;
        await sleep(clock, 50);
      }
    }
    await rm(this.directory, { recursive: true });
  }
}
