import type { Interfaces } from '@oclif/core';
import * as Flags from '@oclif/core/flags';
import { BaseCommand } from './base-command';
import { findManifestFormation } from './lib/app-file';
import { UsageError } from './lib/errors';

/**
 * A command about one formation: `--formation`, then GILLIAM_FORMATION, then the nearest `.gilliam.app`, then the nearest
 * `gilliam.yml`.
 */
export abstract class FormationCommand extends BaseCommand {
  static override baseFlags: Interfaces.FlagInput = {
    ...BaseCommand.baseFlags,
    formation: Flags.string({
      description:
        'the formation; default $GILLIAM_FORMATION, then .gilliam.app or gilliam.yml here or above',
      helpGroup: 'GLOBAL',
      helpValue: 'NAME',
    }),
  };

  /** Undefined where none is given, and none is of this directory. */
  protected get formationIfAny(): string | undefined {
    return (
      this.globalFlag('formation') ||
      this.context.env.GILLIAM_FORMATION ||
      this.appFile?.formation ||
      this.manifestFormation?.formation
    );
  }

  /** What `gilliam.yml` says, here or above. */
  protected get manifestFormation(): ReturnType<typeof findManifestFormation> {
    return findManifestFormation(this.context.cwd);
  }

  protected get formation(): string {
    const name = this.formationIfAny;
    if (name) return name;
    throw new UsageError('no formation here: gilliam create NAME, or --formation NAME');
  }

  /** The formation's resource name. */
  protected get parent(): string {
    return `formations/${this.formation}`;
  }
}
