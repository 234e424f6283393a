import { formatCpu } from '../../resource/quantity';
import { resourceFilter } from './resource';

export const cpu = resourceFilter({
  name: 'cpu',
  needed: (demand) => demand.cpuMillis,
  free: (load) => load.cpuFreeMillis,
  total: (load) => load.cpuTotalMillis,
  format: formatCpu,
});
