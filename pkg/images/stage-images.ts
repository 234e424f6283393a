import type Docker from 'dockerode';
import type { Clock } from '../base/clock';
import type { Logger } from '../base/log';
import type { Random } from '../base/random';
import { DockerImageEngine } from './docker-image-engine';
import { HttpRegistry } from './http-registry';
import { imageRepository } from './image-name';
import type { ImageRegistry } from './image-registry';
import { Publisher } from './publisher';
import { parseRegistry } from './registry-setting';
import { StageRepository } from './stage-repository';

/** How a stage's images get from the engine that has built them to everybody else's. */
export interface StageImages {
  /** `gilliam/…`: the stage's own in the registry. */
  readonly repository: StageRepository;
  readonly registry: ImageRegistry;
  readonly publisher: Pick<Publisher, 'publish'>;
}

export interface StageImagesOptions {
  /** Of GILLIAM_IMAGES. */
  readonly registry: string;
  readonly stageKey: string;
  /** Where images are built. */
  readonly docker: Docker;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Throws InvalidError for a setting that names no registry. */
export function stageImages({
  stageKey,
  docker,
  clock,
  random,
  log,
  ...given
}: StageImagesOptions): StageImages {
  const registry = new HttpRegistry({ place: parseRegistry(given.registry), clock });
  const repository = new StageRepository(registry, imageRepository(stageKey));
  const engine = new DockerImageEngine(docker, clock);
  return { repository, registry, publisher: new Publisher({ engine, registry, repository, random, log }) };
}
