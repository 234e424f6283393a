import type { DoorCredentials } from './engine-door';

/** What an engine is asked for to bring an image to a registry, or from one. */
export interface ImageEngine {
  /** The id of an image by its name or id; undefined when the engine does not have it. */
  idOf(image: string, signal: AbortSignal): Promise<string | undefined>;
  /** Whether the image has a name. */
  isNamed(image: string, signal: AbortSignal): Promise<boolean>;
  /** All names of all images: `127.0.0.1:34567/gilliam/prod-1f2e3d4c:1f2e…`. */
  allNames(signal: AbortSignal): Promise<readonly string[]>;
  /** Names an image that is there. */
  tag(image: string, name: ImageName, signal: AbortSignal): Promise<void>;
  /**
   * Takes the name from its image, which goes too when it has no other and is not in use. What has no such name is no
   * error.
   */
  untag(name: ImageName, signal: AbortSignal): Promise<void>;
  /** Brings the image of the name to the registry that is in it. Throws UnavailableError saying why not. */
  push(name: ImageName, credentials: DoorCredentials, signal: AbortSignal): Promise<void>;
  /** Fetches the image of the name. Throws as `push`. */
  pull(name: ImageName, credentials: DoorCredentials, signal: AbortSignal): Promise<void>;
}

export interface ImageName {
  /** `127.0.0.1:34567/gilliam/prod-1f2e3d4c` */
  readonly repository: string;
  readonly tag: string;
}
