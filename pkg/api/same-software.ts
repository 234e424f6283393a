import { isDeepStrictEqual } from 'node:util';
import { ReleaseSpec } from '../gen/gilliam/v1/release';

/** Whether instances of the two would be the same; who made them, and why, does not matter. */
export function sameSoftware(left: ReleaseSpec, right: ReleaseSpec): boolean {
  if (left === right) return true;
  return isDeepStrictEqual(softwareOf(left), softwareOf(right));
}

/** Absent and empty fields alike, as they come from the store. */
function softwareOf({ image, config, processes }: ReleaseSpec): ReleaseSpec {
  const spec = ReleaseSpec.fromPartial({ image, config, processes });
  return ReleaseSpec.decode(ReleaseSpec.encode(spec).finish());
}
