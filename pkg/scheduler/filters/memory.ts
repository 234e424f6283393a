import { formatBytes } from '../../resource/quantity';
import { resourceFilter } from './resource';

export const memory = resourceFilter({
  name: 'memory',
  needed: (demand) => demand.memoryBytes,
  free: (load) => load.memoryFreeBytes,
  total: (load) => load.memoryTotalBytes,
  format: formatBytes,
});
