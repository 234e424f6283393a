import { execFile } from 'node:child_process';
import { createServer } from 'node:net';
import { promisify } from 'node:util';
import { SystemClock, sleep } from '../../base/clock';
import { removeTinyImage, tinyImage } from '../../testing/tiny-image';
import { describeDriver } from '../driver-contract';
import { DockerDriver } from './docker-driver';

jest.setTimeout(60_000);

const run = promisify(execFile);

describe('DockerDriver', () => {
  const clock = new SystemClock();
  const driver = new DockerDriver({ clock });

  afterAll(async () => {
    driver.close();
    await removeTinyImage();
  });

  describeDriver(async () => {
    return {
      driver,
      image: await tinyImage(),
      portsFrom: 24_000 + (process.pid % 400) * 10,
      kill: async (id) => void (await run('docker', ['kill', id])),
      takePort: (port) =>
        new Promise((resolve, reject) => {
          const server = createServer().listen(port, '127.0.0.1', () =>
            resolve(() => new Promise<void>((closed) => server.close(() => closed()))),
          );
          server.once('error', reject);
        }),
      pass: (ms) => sleep(clock, ms),
    };
  }, `docker-${process.pid}`);
});
