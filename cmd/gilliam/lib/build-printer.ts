import { createColors } from 'picocolors';
import type { BuildPlan, BuildStep } from '../../../pkg/gen/gilliam/v1/build_service';
import type { Process } from '../../../pkg/gen/gilliam/v1/release';
import type { Output } from '../context';
import type { BuildReporter } from './build-head';
import { compareProcesses } from './factors';

/** Prints a build as it happens: each step on a line of its own, and what it says below it. */
export class BuildPrinter implements BuildReporter {
  readonly #output: Output;
  #atLineStart = true;

  constructor(output: Output) {
    this.#output = output;
  }

  plan(plan: BuildPlan): void {
    this.#heading(`building ${plan.kind}: ${plan.reason}`);
  }

  step({ number, total, instruction }: BuildStep): void {
    this.#heading(`[${number}/${total}] ${instruction}`);
  }

  output(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#output.write(bytes);
    this.#atLineStart = bytes[bytes.length - 1] === 0x0a;
  }

  /** Ends the last line. */
  end(): void {
    if (!this.#atLineStart) this.#output.write('\n');
    this.#atLineStart = true;
  }

  #heading(text: string): void {
    this.end();
    const line = text.split('\n')[0] ?? '';
    this.#output.write(`${createColors(this.#output.colors).cyan(line)}\n`);
  }
}

/** What `gilliam deploy --plan` prints. */
export function formatPlan(plan: BuildPlan): string[] {
  const processes = Object.entries(plan.processes).sort(([left], [right]) => compareProcesses(left, right));
  return [
    `kind: ${plan.kind} (${plan.reason})`,
    ...processes.map(([name, process]) => `process ${name}: ${formatProcess(process)}`),
    'Dockerfile:',
    ...plan.dockerfile
      .trimEnd()
      .split('\n')
      .map((line) => `  ${line}`.trimEnd()),
  ];
}

function formatProcess({ command, ports }: Process): string {
  // A line of a Procfile is run by the shell.
  const [shell, option, line] = command;
  const text =
    command.length === 3 && shell === '/bin/sh' && option === '-c'
      ? line
      : command.map((word) => (/^[\w./:=@-]+$/.test(word) ? word : JSON.stringify(word))).join(' ');
  const shown = text || "the image's own command";
  return ports.length === 0 ? shown : `${shown} (port ${ports.map((port) => port.containerPort).join(', ')})`;
}
