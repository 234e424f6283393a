import { formatCpu } from '../../resource/quantity';
import { resourceFilter } from './resource';

export const cpu = resourceFilter({
  name: 'cpu',
  needed: (demand) => demand.cpuMillis,
  free: (load) => load.cpuFreeMillis,
  total: (load) => load.cpuTotalMillis,
  fits: (load, demand) => demand.cpuMillis === 0 || demand.cpuMillis <= load.cpuFreeMillis,
  format: formatCpu,
});
