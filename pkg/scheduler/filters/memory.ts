import { formatBytes } from '../../resource/quantity';
import { resourceFilter } from './resource';

export const memory = resourceFilter({
  name: 'memory',
  needed: (demand) => demand.memoryBytes,
  free: (load) => load.memoryFreeBytes,
  total: (load) => load.memoryTotalBytes,
  fits: (load, demand) => demand.memoryBytes === 0 || demand.memoryBytes <= load.memoryFreeBytes,
  format: formatBytes,
});
