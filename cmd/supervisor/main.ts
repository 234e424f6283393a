import { writeSync } from 'node:fs';
import { basename } from 'node:path';
import { SystemClock } from '../../pkg/base/clock';
import { ChildProcesses } from '../../pkg/stage/child-processes';
import { stageComponents } from '../../pkg/stage/components';
import { readConfig } from '../../pkg/stage/config';
import { lineLogger } from '../../pkg/stage/line-logger';
import { packageRoot } from '../../pkg/stage/package-root';
import { pathsIn } from '../../pkg/stage/paths';
import { Supervisor } from '../../pkg/stage/supervisor';

// supervisor DATA VERSION: keeps the processes of the stage in the directory running. SIGTERM ends it, not them.
const [data, version = ''] = process.argv.slice(2);
if (!data) throw new Error('usage: supervisor DATA VERSION');

const clock = new SystemClock();
const log = lineLogger((line) => writeSync(1, line), clock);
const paths = pathsIn(data, basename(data));
const config = readConfig(paths.config);
if (!config) throw new Error(`there is no stage in ${data}: gilliam up`);

const ended = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => ended.abort());

const components = stageComponents({
  config,
  paths,
  packageRoot: packageRoot(),
  node: process.execPath,
  env: process.env,
});
const processes = new ChildProcesses(paths, version, clock);
log.info('supervisor started', { pid: process.pid, version });
void new Supervisor({ components, processes, clock, log }).run(ended.signal).then(() => {
  log.info('supervisor ended');
  process.exit(0);
});
