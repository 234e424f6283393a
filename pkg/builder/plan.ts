import { BuildPlan } from '../gen/gilliam/v1/build_service';
import { contextFiles } from './context-files';
import { detect } from './detect';
import type { Detection } from './detection';
import { processesOf } from './processes';
import type { ExtraFile } from './spool';
import type { TemplateOptions } from './template';
import { dockerfileFor } from './template';
import type { SourceTree } from './tree';
import { GENERATED_DOCKERFILE } from './tree';

export interface PlanOptions {
  readonly baseImage: string;
  /** The certificates that the building machine trusts, as PEM. */
  readonly caBundle?: string;
  readonly commandsElsewhere?: boolean;
}

/** All that a build is told: the rest is the tree itself. */
export interface ContextPlan {
  readonly plan: BuildPlan;
  readonly detection: Detection;
  /** The Dockerfile's path in the build context. */
  readonly dockerfile: string;
  /** Files that the builder adds to the build context. */
  readonly extra: readonly ExtraFile[];
}

/** Tree → Dockerfile and processes. Throws InvalidError when nothing is detected. */
export function planBuild(tree: SourceTree, options: PlanOptions): ContextPlan {
  const detection = detect(tree, options);
  const template: TemplateOptions = {
    baseImage: options.baseImage,
    certificates: detection.ownCertificates || options.caBundle !== undefined,
  };
  const text = detection.dockerfile?.text ?? dockerfileFor(detection, template);
  const plan = BuildPlan.fromPartial({
    kind: detection.kind,
    reason: detection.reason,
    dockerfile: text,
    processes: processesOf(detection),
  });
  const generated = detection.dockerfile === undefined;
  return {
    plan,
    detection,
    dockerfile: generated ? GENERATED_DOCKERFILE : 'Dockerfile',
    extra: contextFiles(tree, { text, generated }, options.caBundle ?? ''),
  };
}
