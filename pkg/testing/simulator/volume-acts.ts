import { DeleteVolumeRequest } from '../../gen/gilliam/v1/volume_service';
import { volumes } from '../../resource/objects';
import type { Act } from './act';
import { oneOf } from './act';
import { scale } from './user-acts';

/** What users do with data. */
export const volumeActs: readonly Act[] = [
  {
    name: 'delete volume',
    weight: 1,
    async perform(world, random) {
      const living = world.history.list(volumes).filter(({ metadata }) => !metadata.deleted);
      if (living.length === 0) return;
      const { metadata, spec } = oneOf(random, living);
      // Refused while somebody has it: mostly its service is ended first.
      if (random.next() < 0.8) {
        await scale(world, metadata.formation, { [spec.service]: 0 });
        await world.user.process.wait(random.next() * 8_000);
      }
      world.trace.add(`> delete volume ${metadata.formation}/${metadata.name}`);
      const request = DeleteVolumeRequest.fromPartial({
        name: `formations/${metadata.formation}/volumes/${metadata.name}`,
      });
      await world.user.call(({ volumes: api }, call) => api.deleteVolume(request, call));
    },
  },
];
