import { describeDriver } from '../agent/driver-contract';
import { FakeDriver } from './fake-driver';
import { VirtualClock } from './virtual-clock';

describe('FakeDriver', () => {
  describeDriver(async () => {
    const clock = new VirtualClock();
    const driver = new FakeDriver({ clock, images: ['app'] });
    driver.badCommands.add('no-such-program');
    return {
      driver,
      image: 'app',
      portsFrom: 10_000,
      print: (id, line, stream) => driver.print(id, line, stream),
      kill: async (id) => driver.exit(id, 137),
      takePort: async (port) => {
        driver.takenPorts.add(port);
        return async () => void driver.takenPorts.delete(port);
      },
      pass: (ms) => clock.advance(ms),
    };
  }, 'fake');
});
